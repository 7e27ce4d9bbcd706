/** The meshes of a rigged character: its skin around the neck, and taking its own head off and putting it back. */
import { VertexBuffer } from "@babylonjs/core/Buffers/buffer.js";
import type { Bone } from "@babylonjs/core/Bones/bone.js";
import type { Skeleton } from "@babylonjs/core/Bones/skeleton.js";
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh.js";
import { Mesh } from "@babylonjs/core/Meshes/mesh.js";
import { VertexData } from "@babylonjs/core/Meshes/mesh.vertexData.js";

/** A skinned mesh as arrays. n vertices. */
export interface ISkinnedMesh {
    readonly mesh: Mesh;
    /** [n,3] in the mesh's own space, bind pose. */
    readonly points: Float32Array;
    /** [n,3] */
    readonly normals: Float32Array;
    readonly indices: ArrayLike<number>;
    /** [n,4] bones and their weights. */
    readonly bones: ArrayLike<number>;
    readonly weights: ArrayLike<number>;
}

/** The skinned meshes of a character that hang on one skeleton. */
export function SkinnedMeshes(root: AbstractMesh, skeleton: Skeleton): ISkinnedMesh[] {
    const meshes = [root, ...root.getChildMeshes()].filter(
        (mesh) => mesh instanceof Mesh && mesh.skeleton === skeleton,
    ) as Mesh[];
    return meshes.flatMap((mesh) => {
        const [points, bones, weights] = [
            VertexBuffer.PositionKind,
            VertexBuffer.MatricesIndicesKind,
            VertexBuffer.MatricesWeightsKind,
        ].map((kind) => mesh.getVerticesData(kind));
        const indices = mesh.getIndices();
        if (!points || !bones || !weights || !indices) {
            return [];
        }
        let normals = mesh.getVerticesData(VertexBuffer.NormalKind);
        if (!normals) {
            normals = new Float32Array(points.length);
            VertexData.ComputeNormals(points, indices, normals);
        }
        return [
            { mesh, points: Float32Array.from(points), normals: Float32Array.from(normals), indices, bones, weights },
        ];
    });
}

/** Bone numbers, as skin weights count them, of a bone and all below it. */
export function BonesBelow(bone: Bone): Set<number> {
    const found = new Set<number>();
    const visit = (one: Bone): void => {
        found.add(one.getIndex());
        one.children.forEach((child) => visit(child as Bone));
    };
    visit(bone);
    return found;
}

/** The share of a vertex's weight that some bones have. */
export function WeightOf({ bones, weights }: ISkinnedMesh, vertex: number, which: ReadonlySet<number>): number {
    let [share, sum] = [0, 0];
    for (let k = 4 * vertex; k < 4 * vertex + 4; k++) {
        sum += weights[k];
        share += which.has(bones[k]) ? weights[k] : 0;
    }
    return sum > 0 ? share / sum : 0;
}

/**
 * Takes triangles off a mesh and pulls vertices in. The mesh gets a geometry of its own, so that others that share it
 * keep their heads.
 * @param isHidden whether a vertex may go; a triangle goes when all its corners may
 * @param tuck meters to pull a vertex in along its normal, in the mesh's own units
 * @returns puts everything back
 */
export function CutMesh(
    body: ISkinnedMesh,
    isHidden: (vertex: number) => boolean,
    tuck: (vertex: number) => number,
): () => void {
    const { mesh, indices } = body;
    const kept: number[] = [];
    for (let i = 0; i < indices.length; i += 3) {
        if (!(isHidden(indices[i]) && isHidden(indices[i + 1]) && isHidden(indices[i + 2]))) {
            kept.push(indices[i], indices[i + 1], indices[i + 2]);
        }
    }
    if (kept.length === 0) {
        const wasVisible = mesh.isVisible;
        mesh.isVisible = false;
        return () => (mesh.isVisible = wasVisible);
    }
    const points = body.points.slice();
    for (let vertex = 0; vertex < points.length / 3; vertex++) {
        const depth = tuck(vertex);
        for (let axis = 0; axis < 3 && depth !== 0; axis++) {
            points[3 * vertex + axis] -= depth * body.normals[3 * vertex + axis];
        }
    }
    const shared = mesh.geometry;
    if (!shared || mesh.subMeshes.length !== 1) {
        return () => undefined; // several materials on one mesh: its triangles are in an order that must stay
    }
    const { indexStart, indexCount, verticesStart, verticesCount } = mesh.subMeshes[0];
    const own = shared.copy(`${shared.id}.cut`);
    own.applyToMesh(mesh);
    mesh.setIndices(kept, points.length / 3);
    mesh.setVerticesData(VertexBuffer.PositionKind, points);
    return () => {
        if (!mesh.isDisposed()) {
            shared.applyToMesh(mesh);
            // Babylon makes what is drawn smaller with the list of indices, but not larger.
            Object.assign(mesh.subMeshes[0], { indexStart, indexCount, verticesStart, verticesCount });
            mesh.subMeshes[0].refreshBoundingInfo();
        } else if (shared.meshes.length === 0) {
            shared.dispose(); // its last mesh is gone and could not take it along
        }
        own.dispose();
    };
}
