/** Which mesh draws which avatar: one for each rendering group and layer mask in use. */
import type { Scene } from "@babylonjs/core/scene.js";
import { FlexAvatarSplatMesh } from "./splatMesh.js";
import type { ISplatMember } from "./splatView.js";

/** One per component. Owns the meshes: a mesh comes with its first avatar and goes with its last. */
export class SplatCrowds {
    private readonly _meshes = new Map<string, FlexAvatarSplatMesh>();

    /** @param _scene a scene on a WebGPUEngine */
    public constructor(private readonly _scene: Scene) {}

    /** The meshes in use. */
    public get meshes(): IterableIterator<FlexAvatarSplatMesh> {
        return this._meshes.values();
    }

    /**
     * Hands an avatar to the mesh of its group and mask, and takes it from another.
     * @param from the mesh that draws it now, if any
     * @returns the mesh that draws it from now on
     */
    public join(
        member: ISplatMember,
        renderingGroupId: number,
        layerMask: number,
        from: FlexAvatarSplatMesh | null = null,
    ): FlexAvatarSplatMesh {
        const key = `${renderingGroupId}/${layerMask}`;
        let mesh = this._meshes.get(key);
        if (!mesh) {
            mesh = new FlexAvatarSplatMesh("avatars.splats", this._scene);
            mesh.renderingGroupId = renderingGroupId;
            mesh.layerMask = layerMask;
            this._meshes.set(key, mesh);
        }
        if (mesh !== from) {
            mesh.addMember(member);
            if (from) {
                this.leave(member, from);
            }
        }
        return mesh;
    }

    /** Takes an avatar from its mesh. */
    public leave(member: ISplatMember, mesh: FlexAvatarSplatMesh): void {
        mesh.removeMember(member);
        if (mesh.members.length === 0) {
            for (const [key, other] of this._meshes) {
                if (other === mesh) {
                    this._meshes.delete(key);
                }
            }
            mesh.dispose();
        }
    }
}
