/** Nodes that ride on the skin of one avatar: hats, glasses, stickers. */
import { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import { Quaternion } from "@babylonjs/core/Maths/math.vector.js";
import { FlexAvatarError } from "../../flame/error.js";
import type { ExpressionPose } from "../../flame/expression.js";
import type { HeadSurface } from "./headSurface.js";
import type { ISavedSurfaceNode } from "./savedAttachments.js";
import { SurfaceAnchor } from "./surfaceAnchor.js";
import { FindPlace, type SurfaceTarget } from "./surfacePlaces.js";

/** Settings of {@link FlexAvatar.attachToSurface}. */
export interface ISurfaceSettings {
    /** Name of the node. Default: the avatar's name and the place. */
    name?: string;
    /**
     * What the node's axes are while the face is at rest; they turn with the skin from there.
     * `"head"`: as the avatar's own, +Y up and +Z out of the face: for glasses and hats.
     * `"surface"`: +Z out of the skin and +Y up along it: for stickers and earrings. Default `"head"`.
     */
    axes?: "head" | "surface";
}

/** How an avatar stands: the head, and the second page. */
interface IPoses {
    readonly head: ExpressionPose;
    readonly page: ExpressionPose;
}

interface IRider {
    readonly node: TransformNode;
    readonly anchor: SurfaceAnchor;
    readonly surface: HeadSurface;
    readonly target: SurfaceTarget;
    readonly settings: ISurfaceSettings;
}

/** Made by `FlexAvatar` when its first node is attached, and disposed with it. */
export class SurfaceNodes {
    private readonly _riders: IRider[] = [];

    /**
     * @param _avatar its name begins the names of the nodes
     * @param _surface the head; borrowed
     * @param _parent parent of the nodes; its axes are canonical space up to the mirror of left-handed scenes
     * @param _pageSurface the second page as it is now, or null
     */
    public constructor(
        private readonly _avatar: TransformNode,
        private readonly _surface: HeadSurface,
        private readonly _parent: TransformNode,
        private readonly _pageSurface: () => HeadSurface | null,
    ) {}

    /** Makes a node at a place of the skin, in the given pose. @throws FlexAvatarError `invalid-argument` */
    public add(target: SurfaceTarget, settings: ISurfaceSettings, poses: IPoses): TransformNode {
        const surface = typeof target === "object" && target.page === 2 ? this._pageSurface() : this._surface;
        if (!surface) {
            throw new FlexAvatarError(
                "invalid-argument",
                `The avatar "${this._avatar.name}" has no second page of the atlas: no long hair and no bust.`,
            );
        }
        const { model, restNormals } = surface;
        const place = FindPlace(model, target);
        let axes = [1, 0, 0, 0, 1, 0, 0, 0, 1];
        if (settings.axes === "surface") {
            const normal = [0, 1, 2].map((axis) =>
                place.bary.reduce(
                    (sum, weight, k) => sum + weight * restNormals[3 * model.faces[3 * place.face + k] + axis],
                    0,
                ),
            );
            axes = SurfaceAxes(normal);
        }
        const label = typeof target === "object" ? "skin" : String(target);
        const node = new TransformNode(settings.name ?? `${this._avatar.name}.${label}`, this._avatar.getScene());
        node.parent = this._parent;
        node.doNotSerialize = true;
        node.rotationQuaternion = Quaternion.Identity();
        const rider = { node, anchor: new SurfaceAnchor(surface, place, axes), surface, target, settings };
        this._riders.push(rider);
        node.onDisposeObservable.addOnce(() => {
            const index = this._riders.indexOf(rider);
            if (index >= 0) {
                this._riders.splice(index, 1);
            }
        });
        this._move(rider, poses);
        return node;
    }

    /** The nodes, for scene files. */
    public save(): ISavedSurfaceNode[] {
        return this._riders.map(({ node, target, settings }) => ({
            id: node.id,
            name: node.name,
            target,
            axes: settings.axes ?? "head",
            children: node.getChildren().map(({ id }) => id),
        }));
    }

    /** Moves all nodes to a pose. Allocates nothing. */
    public update(poses: IPoses): void {
        for (let index = 0; index < this._riders.length; index++) {
            this._move(this._riders[index], poses);
        }
    }

    /** Disposes the nodes and what the user hung on them. */
    public dispose(): void {
        for (const { node } of this._riders.splice(0)) {
            node.dispose();
        }
    }

    private _move({ node, anchor, surface }: IRider, poses: IPoses): void {
        const pose = surface === this._surface ? poses.head : poses.page;
        anchor.update(surface.directions(pose), surface.jointMatrices(pose));
        const [x, y, z] = anchor.position;
        const [qx, qy, qz, qw] = anchor.rotation;
        // The avatar's own axes: its root mirrors x of canonical space in left-handed scenes, and a mirror turns
        // rotations about y and z around.
        const mirror = this._avatar.getScene().useRightHandedSystem ? 1 : -1;
        node.position.set(mirror * x, y, z);
        node.rotationQuaternion!.set(qx, mirror * qy, mirror * qz, qw);
    }
}

/**
 * Columns: across, up along the skin, out of it; 3×3 row-major rotation. Where the skin faces up or down, "up along it"
 * is backwards.
 */
function SurfaceAxes(normal: readonly number[]): number[] {
    const length = Math.hypot(...normal);
    const [nx, ny, nz] = length > 1e-9 ? normal.map((x) => x / length) : [0, 0, 1];
    const reference = Math.abs(ny) < 0.95 ? [0, 1, 0] : [0, 0, -Math.sign(ny)];
    const along = reference[0] * nx + reference[1] * ny + reference[2] * nz;
    let up = reference.map((x, axis) => x - along * [nx, ny, nz][axis]);
    const upLength = Math.hypot(...up);
    up = up.map((x) => x / upLength);
    const across = [up[1] * nz - up[2] * ny, up[2] * nx - up[0] * nz, up[0] * ny - up[1] * nx];
    return [across[0], up[0], nx, across[1], up[1], ny, across[2], up[2], nz];
}
