/**
 * The posed head surface of an avatar: invisible, on the CPU, for bounds and picking (and for shadows or collisions, if made visible or given to them).
 */
import { VertexBuffer } from "@babylonjs/core/Buffers/buffer";
import type { PickingInfo } from "@babylonjs/core/Collisions/pickingInfo";
import { Material } from "@babylonjs/core/Materials/material";
import { Mesh } from "@babylonjs/core/Meshes/mesh";
import type { Scene } from "@babylonjs/core/scene";
import { ExpressVertices } from "../flame/blendshapes";
import { EffectivePose, type ExpressionPose } from "../flame/expression";
import { PoseLength, type HeadModel } from "../flame/headModel";
import { JointMatrices, JointMatricesLength, SkinVertices } from "../flame/skinning";

/** Made and disposed by `FlexAvatar`. Its axes are canonical space. */
export class FlexAvatarProxyMesh extends Mesh {
    private readonly _posedVertices: Float32Array;
    private readonly _pose = new Float32Array(PoseLength);
    private readonly _matrices = new Float32Array(JointMatricesLength);
    /** The pose that the surface has not taken yet. */
    private _expressionPose: ExpressionPose | null = null;

    /**
     * @param name name in the scene
     * @param scene the scene
     * @param model its template is the rest shape
     */
    public constructor(
        name: string,
        scene: Scene,
        private readonly _model: HeadModel,
    ) {
        super(name, scene);
        this._posedVertices = _model.template.slice();
        this.setVerticesData(VertexBuffer.PositionKind, this._posedVertices, true);
        this.setIndices(Uint32Array.from(_model.faces));
        // As the glTF loader does: faces are counter-clockwise in canonical space, whichever way the root turns them.
        this.sideOrientation = scene.useRightHandedSystem ? Material.CounterClockWiseSideOrientation : Material.ClockWiseSideOrientation;
        this.isVisible = false;
        this.isPickable = false; // picked through the splat mesh, which is visible
        this.doNotSerialize = true;
    }

    /** @returns the class name */
    public override getClassName(): string {
        return "FlexAvatarProxyMesh";
    }

    /**
     * Takes a new pose. The surface itself moves only when it is asked for.
     * @param expressionPose borrowed: the avatar's own, the same each time
     */
    public setPose(expressionPose: ExpressionPose): void {
        this._expressionPose = expressionPose;
        if (this.isVisible) {
            this.update();
        }
    }

    /** Moves the surface and its bounds to the pose set last. Picking does so by itself; call it before you read the vertices. */
    public update(): void {
        const expressionPose = this._expressionPose;
        if (!expressionPose) {
            return;
        }
        this._expressionPose = null;
        const { _model: model, _posedVertices: vertices } = this;
        ExpressVertices(model, expressionPose.expression, vertices);
        JointMatrices(EffectivePose(model, expressionPose, this._pose), model.joints, this._matrices);
        SkinVertices(model, vertices, this._matrices, vertices);
        this.updateVerticesData(VertexBuffer.PositionKind, vertices, true);
    }

    /** Picks the posed surface. */
    public override intersects(...parameters: Parameters<Mesh["intersects"]>): PickingInfo {
        this.update();
        return super.intersects(...parameters);
    }
}
