/** A frozen copy of an avatar as Babylon's own splat mesh, for tools that know that class: exporters, compound meshes, other renderers. */
import { GaussianSplattingMesh } from "@babylonjs/core/Meshes/GaussianSplatting/gaussianSplattingMesh.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { WriteSplats, type ISplatSnapshot } from "../runtime/format/splatFile.js";

/**
 * @param name name of the new mesh
 * @param scene the scene it is added to
 * @param snapshot what to freeze
 * @returns the mesh, at the origin, with its splats kept in memory so that it can be exported
 */
export async function FreezeAsync(name: string, scene: Scene, snapshot: ISplatSnapshot): Promise<GaussianSplattingMesh> {
    const mesh = new GaussianSplattingMesh(name, null, scene, true);
    await mesh.updateDataAsync(WriteSplats(snapshot, !scene.useRightHandedSystem));
    return mesh;
}
