/**
 * The posed surface of an avatar as a mesh: what rays and GPU pickers hit, what casts shadows. It is this person's face
 * and hair, long hair and bust included where there are any, and moves only when somebody asks for it. Cameras never
 * see it: its layer mask is empty and its material writes nothing.
 */
import { VertexBuffer } from "@babylonjs/core/Buffers/buffer.js";
import { PickingInfo } from "@babylonjs/core/Collisions/pickingInfo.js";
import type { Ray } from "@babylonjs/core/Culling/ray.js";
import { Material } from "@babylonjs/core/Materials/material.js";
import { StandardMaterial } from "@babylonjs/core/Materials/standardMaterial.js";
import { Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import { Mesh } from "@babylonjs/core/Meshes/mesh.js";
import type { Scene } from "@babylonjs/core/scene.js";
import type { ExpressionPose } from "../../flame/expression.js";
import { VertexNormals } from "../../flame/normals.js";
import type { HeadSurface } from "../attach/headSurface.js";
import type { IPageSurface } from "../page/personPage.js";
import { SplitSeams, ToSplitVertices, type ISeamlessMesh } from "../../flame/splitSeams.js";

/** Meters that an expression may move skin beyond its distance from the neck at rest. */
const ExpressionReach = 0.03;
/** Meters that hair which swings may go farther from the neck's joint: it turns about a point nearby. */
const SwingReach = 0.05;

/** What the mesh shows; the avatar's own. */
export interface IProxySource {
    /** Of the head. */
    readonly surface: HeadSurface;
    /** Of the second page, or null. */
    page: IPageSurface | null;
    /** How both stand: the same objects always. */
    readonly poses: {
        readonly head: ExpressionPose;
        readonly page: ExpressionPose;
        /** Grows with each move. */
        readonly revision: number;
    };
}

/** Something of the mesh that is posed by itself: the head, or the second page. */
interface IPart {
    readonly surface: HeadSurface;
    readonly mesh: ISeamlessMesh;
    readonly posed: Float32Array;
}

const Minimum = new Vector3(); // scratch of intersects
const Maximum = new Vector3(); // scratch of intersects

/**
 * Made and disposed by `FlexAvatar`. Its axes are posed space. It has positions, normals and the head's atlas
 * coordinates.
 * @example
 * shadowGenerator.addShadowCaster(avatar.proxyMesh);
 * gpuPicker.setPickingList([avatar.proxyMesh, ground]);
 */
export class FlexAvatarProxyMesh extends Mesh {
    /** The head first; empty until somebody asks for the surface. */
    private _parts: IPart[] = [];
    private _allPositions = new Float32Array();
    private _allNormals = new Float32Array();
    /** What of the second page the parts show. */
    private _page: IPageSurface | null = null;
    /** Radius of the ball around the neck that holds the head in any pose, meters. */
    private _reach = 0;
    /** Of the poses that the vertices show. */
    private _revision = -1;

    /**
     * @param name name in the scene
     * @param scene the scene
     * @param _source borrowed, read whenever somebody asks for the surface
     */
    public constructor(
        name: string,
        scene: Scene,
        private readonly _source: IProxySource,
    ) {
        super(name, scene);
        // As the glTF loader does: faces are counter-clockwise in canonical space, whichever way the root turns them.
        this.sideOrientation = scene.useRightHandedSystem
            ? Material.CounterClockWiseSideOrientation
            : Material.ClockWiseSideOrientation;
        this.layerMask = 0;
        this.doNotSerialize = true;
    }

    /** @returns the class name */
    public override getClassName(): string {
        return "FlexAvatarProxyMesh";
    }

    /**
     * Moves the surface and its bounds to the pose of now. Picking and render targets do so by themselves; call it
     * before you read vertices.
     */
    public update(): void {
        this._takePage();
        if (!this._isStale || this.isDisposed()) {
            return;
        }
        const { poses } = this._source;
        this._revision = poses.revision;
        if (this._parts.length === 0) {
            this._create();
        }
        let at = 0;
        for (const { surface, mesh, posed } of this._parts) {
            surface.poseVertices(surface === this._source.surface ? poses.head : poses.page, posed);
            ToSplitVertices(mesh, posed, mesh.positions);
            ToSplitVertices(mesh, VertexNormals(surface.model, posed), mesh.normals);
            this._allPositions.set(mesh.positions, at);
            this._allNormals.set(mesh.normals, at);
            at += mesh.positions.length;
        }
        this.updateVerticesData(VertexBuffer.PositionKind, this._allPositions, true);
        this.updateVerticesData(VertexBuffer.NormalKind, this._allNormals);
    }

    /** Picks the posed surface; a ray that passes far from the head moves nothing. */
    public override intersects(...parameters: Parameters<Mesh["intersects"]>): PickingInfo {
        this._takePage();
        if (this._isStale && !this._mayHit(parameters[0])) {
            return new PickingInfo();
        }
        this.update();
        return super.intersects(...parameters);
    }

    /** Called by Babylon before a render target (shadow map, GPU picker, mirror) shows the mesh. @internal */
    public override _preActivateForIntermediateRendering(renderId: number): Mesh {
        this.update();
        return super._preActivateForIntermediateRendering(renderId);
    }

    /** Frees the geometry and the material. */
    public override dispose(doNotRecurse?: boolean): void {
        super.dispose(doNotRecurse, true);
    }

    private get _isStale(): boolean {
        return this._revision !== this._source.poses.revision;
    }

    /** Begins anew where the second page came, went or shows other parts. */
    private _takePage(): void {
        const { page } = this._source;
        if (page !== this._page) {
            this._page = page;
            this._parts = [];
            this._reach = 0;
            this._revision = -1;
        }
    }

    private _create(): void {
        // The material first: given to a mesh with triangles while a render target is drawn, it would take that
        // target's effect away.
        if (!this.material) {
            const material = new StandardMaterial(`${this.name}.material`, this.getScene());
            material.disableColorWrite = true;
            material.disableDepthWrite = true;
            material.doNotSerialize = true;
            this.material = material;
        }
        const part = (surface: HeadSurface, faces?: Uint32Array): IPart => ({
            surface,
            mesh: SplitSeams(surface.model, faces),
            posed: new Float32Array(3 * surface.model.vertexCount),
        });
        this._parts = [part(this._source.surface), ...(this._page ? [part(this._page.surface, this._page.faces)] : [])];
        const meshes = this._parts.map(({ mesh }) => mesh);
        const uvs = meshes.flatMap((mesh) => Array.from(mesh.uvs));
        const indices: number[] = [];
        let first = 0;
        for (const mesh of meshes) {
            mesh.indices.forEach((index) => indices.push(first + index));
            first += mesh.source.length;
        }
        this._allPositions = new Float32Array(3 * first);
        this._allNormals = new Float32Array(3 * first);
        this.setVerticesData(VertexBuffer.PositionKind, this._allPositions, true);
        this.setVerticesData(VertexBuffer.NormalKind, this._allNormals, true);
        this.setVerticesData(VertexBuffer.UVKind, uvs);
        this.setIndices(Uint32Array.from(indices));
    }

    /** Whether a ray in posed space meets the box around the ball that the head turns in. */
    private _mayHit(ray: Ray): boolean {
        const { joints } = this._source.surface.model;
        if (this._reach === 0) {
            for (const { rest } of [this._source.surface, ...(this._page ? [this._page.surface] : [])]) {
                for (let i = 0; i < rest.length; i += 3) {
                    this._reach = Math.max(
                        this._reach,
                        Math.hypot(rest[i] - joints[3], rest[i + 1] - joints[4], rest[i + 2] - joints[5]),
                    );
                }
            }
            this._reach += ExpressionReach + (this._page ? SwingReach : 0);
        }
        Minimum.set(joints[3] - this._reach, joints[4] - this._reach, joints[5] - this._reach);
        Maximum.set(joints[3] + this._reach, joints[4] + this._reach, joints[5] + this._reach);
        return ray.intersectsBoxMinMax(Minimum, Maximum);
    }
}
