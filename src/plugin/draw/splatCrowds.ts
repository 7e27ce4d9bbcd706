/** Which mesh draws which avatar: one for each rendering group and layer mask in use. */
import type { Scene } from "@babylonjs/core/scene.js";
import { FlexAvatarSplatMesh } from "./splatMesh.js";
import type { ISplatMember } from "./splatView.js";

/** A mesh, and what it draws. */
interface ICrowd {
    readonly mesh: FlexAvatarSplatMesh;
    readonly members: ISplatMember[];
}

/** One per component. Owns the meshes: a mesh comes with its first avatar and goes with its last. */
export class SplatCrowds {
    private readonly _crowds = new Map<string, ICrowd>();

    /** @param _scene a scene on a WebGPUEngine */
    public constructor(private readonly _scene: Scene) {}

    /** The meshes in use. */
    public get meshes(): FlexAvatarSplatMesh[] {
        return Array.from(this._crowds.values(), ({ mesh }) => mesh);
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
        let crowd = this._crowds.get(key);
        if (!crowd) {
            const members: ISplatMember[] = [];
            crowd = { mesh: new FlexAvatarSplatMesh("avatars.splats", this._scene, members), members };
            crowd.mesh.renderingGroupId = renderingGroupId;
            crowd.mesh.layerMask = layerMask;
            this._crowds.set(key, crowd);
        }
        const { mesh } = crowd;
        if (mesh !== from) {
            this.add(member, mesh);
            if (from) {
                this.leave(member, from);
            }
        }
        return mesh;
    }

    /** Lets a mesh in use draw something else, too. */
    public add(member: ISplatMember, mesh: FlexAvatarSplatMesh): void {
        for (const crowd of this._crowds.values()) {
            if (crowd.mesh === mesh) {
                crowd.members.push(member);
                mesh.refreshMembers();
            }
        }
    }

    /** Takes an avatar from its mesh. */
    public leave(member: ISplatMember, mesh: FlexAvatarSplatMesh): void {
        for (const [key, { mesh: other, members }] of this._crowds) {
            const index = members.indexOf(member);
            if (other === mesh && index >= 0) {
                members.splice(index, 1);
                mesh.refreshMembers();
                if (members.length === 0) {
                    this._crowds.delete(key);
                    mesh.dispose();
                }
            }
        }
    }
}
