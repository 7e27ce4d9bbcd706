/**
 * A frozen copy of an avatar as Babylon's own splat mesh, for tools that know that class: exporters, compound meshes,
 * other renderers.
 */
import { GaussianSplattingMesh } from "@babylonjs/core/Meshes/GaussianSplatting/gaussianSplattingMesh.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { JoinSplats, WriteSplats, type ISplatSnapshot } from "../../runtime/format/splatFile.js";

/**
 * @param name name of the new mesh
 * @param scene the scene it is added to
 * @param snapshots what to freeze: the head, and what else belongs to it
 * @returns the mesh, at the origin, with its splats kept in memory so that it can be exported
 */
export async function FreezeAsync(
    name: string,
    scene: Scene,
    snapshots: readonly ISplatSnapshot[],
): Promise<GaussianSplattingMesh> {
    const mesh = new GaussianSplattingMesh(name, null, scene, true);
    const parts = snapshots.map((snapshot) => new Uint8Array(WriteSplats(snapshot, !scene.useRightHandedSystem)));
    await mesh.updateDataAsync(JoinSplats(parts).buffer);
    return mesh;
}
