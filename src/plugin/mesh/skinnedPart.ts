/** One part of a person as an ordinary Babylon mesh: morph targets for expressions, a skeleton for joints. */
import { Material } from "@babylonjs/core/Materials/material.js";
import { StandardMaterial } from "@babylonjs/core/Materials/standardMaterial.js";
import { Color3 } from "@babylonjs/core/Maths/math.color.js";
import { Matrix, Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import { Bone } from "@babylonjs/core/Bones/bone.js";
import { Skeleton } from "@babylonjs/core/Bones/skeleton.js";
import { Mesh } from "@babylonjs/core/Meshes/mesh.js";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import { VertexData } from "@babylonjs/core/Meshes/mesh.vertexData.js";
import { MorphTarget } from "@babylonjs/core/Morph/morphTarget.js";
import { MorphTargetManager } from "@babylonjs/core/Morph/morphTargetManager.js";
import { JointCount, JointParents, ModelJointNames } from "../../flame/headModel.js";
import type { IBakedTexture } from "../../runtime/mesh/bakeTexture.js";
import { MorphTargetOf, type IMeshPart, type MeshPartName } from "../../runtime/mesh/personMesh.js";
import { SkinOf } from "../../runtime/mesh/meshGlb.js";
import { PaintedTexture } from "./paintedTexture.js";

/** What is fainter is left out: it would hide what is behind it. A bust fades out. Ours. */
const LeastAlpha = { hair: 0.25, bust: 0.05 } as const;

const Turn = new Quaternion(); // scratch of pose
const Axis = new Vector3(); // scratch of pose
const Place = new Vector3(); // scratch of pose

/** Owned by a drawing. */
export class SkinnedPart {
    public readonly mesh: Mesh;
    private readonly _skeleton: Skeleton;
    /** What the mesh was made with: a container, or the page, may give it another one. */
    private readonly _material: StandardMaterial;
    private readonly _texture: PaintedTexture;

    /**
     * @param name name of the mesh
     * @param part borrowed
     * @param parent its axes are posed space
     * @param copyOf finds the mesh of this part in the latest copy of the avatar, for whoever copies a hierarchy
     */
    public constructor(
        name: string,
        private readonly _part: IMeshPart,
        parent: TransformNode,
        copyOf: (part: MeshPartName) => Mesh | null,
    ) {
        const scene = parent.getScene();
        const mesh = (this.mesh = new Mesh(name, scene));
        // As the glTF loader does: faces are counter-clockwise in canonical space, whichever way the root turns them.
        mesh.sideOrientation = scene.useRightHandedSystem
            ? Material.CounterClockWiseSideOrientation
            : Material.ClockWiseSideOrientation;
        mesh.parent = parent;
        mesh.doNotSerialize = true;
        mesh.isPickable = false; // rays meet the proxy, which knows the pose
        mesh.alwaysSelectAsActiveMesh = true; // bounds are those at rest
        mesh.clone = () => copyOf(_part.name)!; // an avatar makes its meshes itself
        mesh.instantiateHierarchy = () => copyOf(_part.name);
        VertexDataOf(_part).applyToMesh(mesh);
        this._texture = PaintedTexture.Create(`${name}.texture`, _part.texture, scene);
        mesh.material = this._material = MaterialOf(_part, this._texture, mesh);
        mesh.skeleton = this._skeleton = SkeletonOf(_part, mesh);
        mesh.numBoneInfluencers = 4;
        if (_part.model.expressionCount > 0) {
            const targets = (mesh.morphTargetManager = TargetsOf(_part, mesh));
            const cloneTargets = targets.clone.bind(targets);
            targets.clone = () => copyOf(_part.name)?.morphTargetManager ?? cloneTargets();
        }
    }

    /**
     * Takes a pose over. Allocates nothing.
     * @param turns [15] axis-angle of the joints, with what expressions do to them
     * @param weights [E] of expressions
     */
    public pose(turns: ArrayLike<number>, weights: ArrayLike<number>): void {
        const { bones } = this._skeleton;
        const { joints } = this._part.model;
        for (let joint = 0; joint < JointCount; joint++) {
            Axis.set(turns[3 * joint], turns[3 * joint + 1], turns[3 * joint + 2]);
            const angle = Axis.length();
            Quaternion.RotationAxisToRef(angle > 0 ? Axis : Vector3.UpReadOnly, angle, Turn);
            PlaceOf(joints, joint, Place);
            Matrix.ComposeToRef(Vector3.OneReadOnly, Turn, Place, bones[joint].getLocalMatrix());
            bones[joint].markAsDirty();
        }
        const { morphTargetManager: targets } = this.mesh;
        if (targets) {
            targets.areUpdatesFrozen = true;
            for (let e = 0; e < targets.numTargets; e++) {
                targets.getTarget(e).influence = weights[e];
            }
            targets.areUpdatesFrozen = false;
        }
    }

    /** Shows a face with or without what of its neck is for a bust. Allocates nothing. */
    public showSkirt(isShown: boolean): void {
        const { mesh, model } = this._part;
        this.mesh.subMeshes[0].indexCount = isShown ? mesh.indices.length : 3 * model.faceCount;
    }

    /** Shows other colors. @param texture of the same size */
    public repaint(texture: IBakedTexture): void {
        const { material } = this.mesh;
        const shown = material instanceof StandardMaterial ? material.diffuseTexture : null;
        this._texture.paint(texture);
        if (shown !== this._texture && shown instanceof PaintedTexture) {
            shown.paint(texture);
        }
    }

    /** Frees mesh, material, texture, skeleton and targets. */
    public dispose(): void {
        this._skeleton.dispose();
        this.mesh.morphTargetManager?.dispose();
        this.mesh.dispose(false, true);
        this._material.dispose(true, true);
    }
}

function VertexDataOf({ mesh, model }: IMeshPart): VertexData {
    const data = new VertexData();
    const { joints, weights } = SkinOf(model, mesh);
    data.positions = mesh.positions;
    data.normals = mesh.normals;
    data.uvs = mesh.uvs.map((value, i) => (i % 2 === 0 ? value : 1 - value)); // the top row comes first
    data.indices = mesh.indices;
    data.matricesIndices = Float32Array.from(joints);
    data.matricesWeights = Float32Array.from(weights, (weight) => weight / 255);
    return data;
}

function MaterialOf({ name }: IMeshPart, texture: PaintedTexture, mesh: Mesh): StandardMaterial {
    const material = new StandardMaterial(`${mesh.name}.material`, mesh.getScene());
    material.doNotSerialize = true;
    // The photo's light is in the colors.
    material.disableLighting = true;
    material.emissiveColor = Color3.White();
    material.specularColor = Color3.Black();
    material.diffuseTexture = texture;
    material.backFaceCulling = name === "bust";
    if (name === "face") {
        material.transparencyMode = Material.MATERIAL_OPAQUE;
        return material;
    }
    texture.hasAlpha = true;
    material.useAlphaFromDiffuseTexture = true;
    // Both fade out at their ends, and lie in layers, of which the nearest is seen, whichever faces come first.
    material.transparencyMode = Material.MATERIAL_ALPHATESTANDBLEND;
    material.alphaCutOff = LeastAlpha[name];
    material.needDepthPrePass = true;
    // Hair lies over the bust.
    mesh.alphaIndex = name === "hair" ? 1 : 0;
    return material;
}

function SkeletonOf({ model }: IMeshPart, mesh: Mesh): Skeleton {
    const skeleton = new Skeleton(`${mesh.name}.skeleton`, mesh.name, mesh.getScene());
    skeleton.doNotSerialize = true;
    ModelJointNames.forEach((name, joint) => {
        const parent = JointParents[joint] < 0 ? null : skeleton.bones[JointParents[joint]];
        const at = PlaceOf(model.joints, joint, new Vector3());
        new Bone(name, skeleton, parent, Matrix.Translation(at.x, at.y, at.z));
    });
    return skeleton;
}

function TargetsOf(part: IMeshPart, mesh: Mesh): MorphTargetManager {
    const manager = new MorphTargetManager(mesh.getScene());
    manager.areUpdatesFrozen = true;
    manager.numMaxInfluencers = part.model.expressionCount; // one shader for all expressions
    part.model.expressions.forEach((name, expression) => {
        const { indices, offsets } = MorphTargetOf(part, expression, false);
        const positions = part.mesh.positions.slice();
        indices.forEach((vertex, i) => {
            for (let axis = 0; axis < 3; axis++) {
                positions[3 * vertex + axis] += offsets[3 * i + axis];
            }
        });
        const target = new MorphTarget(name, 0, mesh.getScene());
        target.setPositions(positions);
        manager.addTarget(target);
    });
    manager.areUpdatesFrozen = false;
    return manager;
}

/** Where a joint is, seen from its parent. */
function PlaceOf(joints: ArrayLike<number>, joint: number, into: Vector3): Vector3 {
    const at = 3 * joint;
    const parent = 3 * JointParents[joint];
    return parent < 0
        ? into.set(joints[at], joints[at + 1], joints[at + 2])
        : into.set(
              joints[at] - joints[parent],
              joints[at + 1] - joints[parent + 1],
              joints[at + 2] - joints[parent + 2],
          );
}
