/**
 * Where the skin of a head meets the skin of a character, in the character's bind pose: the fit, the bones at the seam,
 * the character's own head.
 */
import { Matrix, Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import { CutMesh, WeightOf, type ISkinnedMesh } from "./characterBody.js";
import type { HeadSurface } from "./headSurface.js";
import { FitNeck, type INeckFit } from "./neckFit.js";
import { FeatherAt, FindNeckRing, type INeckRing } from "./neckRing.js";

/**
 * Distance from the neck's bone to the head's in the rigs that this was made with, meters, and where the head model's
 * neck joint is between.
 */
const RigNeckLength = 0.103; // ours
const RigNeckShare = 0.45; // ours
/** Skin of the head that takes part in the fit: this far up from the rim, meters. */
const FitHeight = 0.05;
/** Meters around the neck in which the body is looked at. */
const FitRadius = 0.25;
/** Body skin goes on under the head for this long, meters along the head's skin, and lies this deep there. */
const Overlap = 0.02;
const TuckDepth = 0.004;
/** Body skin nearer to the head's skin than this is covered by it, meters. */
const Cover = 0.03;

/** Axes of the head in a mesh's data, as rows: v_mesh = v_canonical · axes. */
export type HeadAxes = readonly number[];

/** Canonical axes to those of the mesh. */
export function ToMeshAxes(axes: HeadAxes, x: number, y: number, z: number): [number, number, number] {
    return [
        x * axes[0] + y * axes[3] + z * axes[6],
        x * axes[1] + y * axes[4] + z * axes[7],
        x * axes[2] + y * axes[5] + z * axes[8],
    ];
}

/** The seam of one head on one character. */
export class CharacterSeam {
    public readonly ring: INeckRing;
    public readonly fit: INeckFit;
    /** Middle of the rim in the mesh's bind pose. */
    public readonly middle: Vector3;
    /** Bones, as skin weights count them, and shares with which the body's skin at the rim hangs on them. */
    public readonly mount: readonly { readonly bone: number; readonly weight: number }[];
    /** The mesh with most of the rim. */
    public readonly body: ISkinnedMesh;

    /**
     * @param _surface the head
     * @param _meshes the character's, on one skeleton
     * @param axes of the head in their data
     * @param headJoint of the head's bone in the bind pose
     * @param neckJoint of the neck's bone
     * @param scale fixed, or undefined to fit it
     */
    public constructor(
        private readonly _surface: HeadSurface,
        private readonly _meshes: readonly ISkinnedMesh[],
        axes: HeadAxes,
        headJoint: Vector3,
        neckJoint: Vector3,
        scale: number | undefined,
    ) {
        const { model, rest } = _surface;
        this.ring = FindNeckRing(model, rest);
        const length = Vector3.Distance(headJoint, neckJoint);
        const startScale = scale ?? (length > 0 ? length / RigNeckLength : 1);
        const pivot = Vector3.Lerp(neckJoint, headJoint, RigNeckShare);
        const joint = ToMeshAxes(axes, model.joints[3], model.joints[4], model.joints[5]);
        const offset = [pivot.x, pivot.y, pivot.z].map((value, axis) => value - startScale * joint[axis]) as [
            number,
            number,
            number,
        ];
        const start: INeckFit = { scale: startScale, offset, residual: 0 };
        this.fit = FitNeck(
            this._neckSkin(axes),
            this._bodySkin(pivot, FitRadius * startScale),
            start,
            scale !== undefined,
        );
        const rim = this.ring.vertices.map((vertex) =>
            ToMeshAxes(axes, rest[3 * vertex], rest[3 * vertex + 1], rest[3 * vertex + 2]).map(
                (value, axis) => this.fit.scale * value + this.fit.offset[axis],
            ),
        );
        this.middle = new Vector3(
            ...[0, 1, 2].map((axis) => rim.reduce((sum, point) => sum + point[axis], 0) / rim.length),
        );
        const found = this._bonesAt(rim);
        this.mount = found.mount;
        this.body = found.body;
    }

    /**
     * Takes off what the head covers, and what hangs on its bone; pulls the rest in a little under the head's rim.
     * @param fitted canonical space to the mesh's bind pose
     * @param headBones the head's bone and those below it
     * @returns puts everything back
     */
    public hideHead(fitted: Matrix, headBones: ReadonlySet<number>): () => void {
        const { model, rest } = this._surface;
        const { scale } = this.fit;
        const skin: number[] = [];
        const point = new Vector3();
        for (let vertex = 0; vertex < model.vertexCount; vertex++) {
            if (this.ring.distance[vertex] < Infinity) {
                Vector3.TransformCoordinatesFromFloatsToRef(
                    rest[3 * vertex],
                    rest[3 * vertex + 1],
                    rest[3 * vertex + 2],
                    fitted,
                    point,
                );
                skin.push(point.x, point.y, point.z, this.ring.distance[vertex]);
            }
        }
        const undo = this._meshes.map((body) => {
            const along = this._distancesAlong(body, skin, scale, headBones);
            return CutMesh(
                body,
                (vertex) => along[vertex] > Overlap,
                (vertex) => (along[vertex] > 0 ? TuckDepth * scale * FeatherAt(along[vertex], Overlap) : 0),
            );
        });
        return () => undo.forEach((one) => one());
    }

    /** [n] how far up the head's skin from the rim each vertex of the body is; −1 where the head does not cover it. */
    private _distancesAlong(
        body: ISkinnedMesh,
        skin: readonly number[],
        scale: number,
        headBones: ReadonlySet<number>,
    ): Float32Array {
        const along = new Float32Array(body.points.length / 3).fill(-1);
        for (let vertex = 0; vertex < along.length; vertex++) {
            const [x, y, z] = [body.points[3 * vertex], body.points[3 * vertex + 1], body.points[3 * vertex + 2]];
            if (Math.hypot(x - this.middle.x, y - this.middle.y, z - this.middle.z) < 2 * FitRadius * scale) {
                let least = (Cover * scale) ** 2;
                for (let i = 0; i < skin.length; i += 4) {
                    const distance = (skin[i] - x) ** 2 + (skin[i + 1] - y) ** 2 + (skin[i + 2] - z) ** 2;
                    if (distance < least) {
                        least = distance;
                        along[vertex] = skin[i + 3];
                    }
                }
            }
            if (along[vertex] < 0 && WeightOf(body, vertex, headBones) >= 0.5) {
                along[vertex] = Infinity; // hair and what else stands off
            }
        }
        return along;
    }

    /** Skin of the head's neck near the rim, in the mesh's axes. */
    private _neckSkin(axes: HeadAxes): { points: number[]; normals: number[] } {
        const { model, rest, restNormals } = this._surface;
        const region = model.regions.indexOf("neck");
        const near = new Set<number>();
        for (let i = 0; i < model.faces.length; i++) {
            if (model.faceRegion[Math.floor(i / 3)] === region && this.ring.distance[model.faces[i]] <= FitHeight) {
                near.add(model.faces[i]);
            }
        }
        const skin: { points: number[]; normals: number[] } = { points: [], normals: [] };
        for (const vertex of near) {
            const at = 3 * vertex;
            skin.points.push(...ToMeshAxes(axes, rest[at], rest[at + 1], rest[at + 2]));
            skin.normals.push(...ToMeshAxes(axes, restNormals[at], restNormals[at + 1], restNormals[at + 2]));
        }
        return skin;
    }

    /** Skin of the body around a point. */
    private _bodySkin(around: Vector3, radius: number): { points: number[]; normals: number[] } {
        const skin: { points: number[]; normals: number[] } = { points: [], normals: [] };
        for (const { points, normals } of this._meshes) {
            for (let i = 0; i < points.length; i += 3) {
                if (Math.hypot(points[i] - around.x, points[i + 1] - around.y, points[i + 2] - around.z) < radius) {
                    skin.points.push(points[i], points[i + 1], points[i + 2]);
                    skin.normals.push(normals[i], normals[i + 1], normals[i + 2]);
                }
            }
        }
        return skin;
    }

    /** The mean skin weights of the body at the rim. */
    private _bonesAt(rim: readonly number[][]): Pick<CharacterSeam, "mount" | "body"> {
        const total = new Map<number, number>();
        const hits = this._meshes.map(() => 0);
        for (const [x, y, z] of rim) {
            let [vertex, mesh, least] = [0, 0, Infinity];
            this._meshes.forEach(({ points }, m) => {
                for (let i = 0; i < points.length; i += 3) {
                    const distance = (points[i] - x) ** 2 + (points[i + 1] - y) ** 2 + (points[i + 2] - z) ** 2;
                    if (distance < least) {
                        [vertex, mesh, least] = [i / 3, m, distance];
                    }
                }
            });
            hits[mesh]++;
            const { bones, weights } = this._meshes[mesh];
            for (let k = 4 * vertex; k < 4 * vertex + 4; k++) {
                total.set(bones[k], (total.get(bones[k]) ?? 0) + weights[k]);
            }
        }
        const sum = [...total.values()].reduce((a, b) => a + b, 0);
        const mount = [...total]
            .filter(([, weight]) => weight > 0)
            .map(([bone, weight]) => ({ bone, weight: weight / sum }));
        return { mount, body: this._meshes[hits.indexOf(Math.max(...hits))] };
    }
}
