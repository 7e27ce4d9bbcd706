/** One view as Babylon sees it: its matrices, the avatars in it, and whether what was prepared for them still holds. */
import type { Camera } from "@babylonjs/core/Cameras/camera.js";
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh.js";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import type { Scene } from "@babylonjs/core/scene.js";
import type { Level } from "../../flame/levels.js";
import type {
    AvatarBuffers,
    ICameraSettings,
    ICrowdMember,
    SplatPipeline,
    ViewBuffers,
} from "../../runtime/passes/index.js";
import { CloseUpShare, PixelsPerMeter, ShownLevel, type LevelOfDetail } from "./levelOfDetail.js";

/** An avatar as the mesh that draws it knows it. */
export interface ISplatMember {
    /** Its axes are posed space. */
    readonly posedNode: TransformNode;
    /** What is drawn, or null while there is nothing. */
    readonly splats: {
        readonly pipeline: SplatPipeline;
        readonly buffers: AvatarBuffers;
        /** Changes whenever a prepared view is out of date. */
        readonly revision: number;
    } | null;
    /** 0..1 */
    readonly visibility: number;
    /** Which level of detail to draw. */
    readonly levelOfDetail: LevelOfDetail;
    /** Whether what looks away is left out. */
    readonly cullBackFaces: "auto" | boolean;
    /** Whether what is behind its head is left out. */
    readonly cullHidden: "auto" | boolean;
    /** By which layers are told of one avatar alone. */
    readonly proxyMesh: AbstractMesh;
    /** Whether it and its parents are enabled. */
    isEnabled(): boolean;
}

/** Whether a member is to be drawn. */
export function IsShown(member: ISplatMember): boolean {
    return member.splats !== null && member.visibility > 0 && member.isEnabled();
}

/** Eyes whose views differ by less look in the same direction, from beside each other. */
const SameDirection = 1e-6;
const SameMeters = 1e-5;

/** Settings that can be written. */
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** An avatar as it was when the view was prepared. */
interface ISeen extends ICrowdMember {
    owner: ISplatMember;
    avatar: AvatarBuffers;
    revision: number;
    readonly worldFromPosed: Float64Array;
    opacity: number;
    level: Level;
    share: number;
    cullBackFaces: boolean;
    cullHidden: boolean;
    closeUp: number;
}

/**
 * The levels of detail that a view shows, by avatar. The eyes of a rig have them in common, and so does what comes
 * after a view that was freed.
 */
export type ShownLevels = WeakMap<ISplatMember, ShownLevel>;

/** State of one view. Reading it allocates only when avatars come. */
export class SplatView {
    /** What the buffers are to be prepared for. */
    public readonly settings: Writable<ICameraSettings> & { viewFromWorld: Float64Array; clipFromView: Float64Array };
    /** Who is to be drawn. */
    public readonly members: ICrowdMember[] = [];
    /** Lower left corner of the viewport in the target, pixels. */
    public viewportXPx = 0;
    public viewportYPx = 0;
    /** Frame in which the view was last rendered. */
    public frameId = -1;
    /** Whose order is drawn: its own, or the other eye's. */
    public ordered: ViewBuffers;
    /** All that were ever in the view at once, to be used again. */
    private readonly _seen: ISeen[] = [];

    /**
     * @param camera whose view it is
     * @param buffers owned by the mesh
     * @param _levels kept by the mesh
     */
    public constructor(
        public readonly camera: Camera,
        public readonly buffers: ViewBuffers,
        private readonly _levels: ShownLevels,
    ) {
        this.settings = {
            viewFromWorld: new Float64Array(16),
            clipFromView: new Float64Array(16),
            viewportWidthPx: 0,
            viewportHeightPx: 0,
            rightHanded: false,
            ndcHalfZ: true,
            keepOffScreen: false,
        };
        this.ordered = buffers;
    }

    /**
     * Whether this is an eye of the same head, and looks in the same direction from beside it: then the distance along
     * the view, and with it the order, is the same for both, and what is before or behind one is so for the other.
     */
    public seesInOrderOf(other: SplatView): boolean {
        const [a, b] = [this.settings.viewFromWorld, other.settings.viewFromWorld];
        const isBeside = Math.abs(a[14] - b[14]) < SameMeters;
        const isParallel =
            Math.max(Math.abs(a[2] - b[2]), Math.abs(a[6] - b[6]), Math.abs(a[10] - b[10])) < SameDirection;
        return (
            this.camera.rigParent === other.camera.rigParent &&
            isBeside &&
            isParallel &&
            other.settings.keepOffScreen === true
        );
    }

    /**
     * Reads the state of the scene at the moment the mesh is rendered.
     * @param scene what is rendered
     * @param members of the mesh
     * @returns whether anything differs from the last call
     */
    public read(scene: Scene, members: readonly ISplatMember[]): boolean {
        const changed = this._readCamera(scene);
        return this._readMembers(members, scene.getEngine().frameId, HasClipPlane(scene)) || changed;
    }

    /**
     * Names the records of each avatar that was prepared: one stretch, two while its level of detail changes.
     * @param take told the avatar, its first record and the one after its last
     */
    public forEachStretch(take: (member: ISplatMember, first: number, end: number) => void): void {
        this._seen.forEach(({ owner, avatar, level }, index) => {
            const first = this.buffers.firstRecords[index];
            if (first !== undefined) {
                take(owner, first, first + avatar.gaussiansAt(level));
            }
        });
    }

    private _readCamera(scene: Scene): boolean {
        const engine = scene.getEngine();
        const { settings } = this;
        let changed = CopyMatrix(scene.getViewMatrix().m, settings.viewFromWorld);
        changed = CopyMatrix(scene.getProjectionMatrix().m, settings.clipFromView) || changed;
        const viewport = engine.currentViewport;
        const widthPx = Math.floor((viewport?.width ?? 1) * engine.getRenderWidth());
        const heightPx = Math.floor((viewport?.height ?? 1) * engine.getRenderHeight());
        this.viewportXPx = Math.floor((viewport?.x ?? 0) * engine.getRenderWidth());
        this.viewportYPx = Math.floor((viewport?.y ?? 0) * engine.getRenderHeight());
        changed =
            changed ||
            settings.viewportWidthPx !== widthPx ||
            settings.viewportHeightPx !== heightPx ||
            settings.rightHanded !== scene.useRightHandedSystem;
        settings.viewportWidthPx = widthPx;
        settings.viewportHeightPx = heightPx;
        settings.rightHanded = scene.useRightHandedSystem;
        settings.ndcHalfZ = engine.isNDCHalfZRange;
        const keepOffScreen = (this.camera.rigParent?.rigCameras.length ?? 0) > 1;
        changed = changed || settings.keepOffScreen !== keepOffScreen;
        settings.keepOffScreen = keepOffScreen;
        return changed;
    }

    private _readMembers(members: readonly ISplatMember[], frameId: number, isCut: boolean): boolean {
        const now = performance.now();
        let changed = false;
        let count = 0;
        for (let at = 0; at < members.length; at++) {
            const member = members[at];
            if (!IsShown(member)) {
                continue;
            }
            const spacingPx = this._spacingOf(member);
            const shown = this._levelOf(member, spacingPx, frameId, now);
            const closeUp = member.splats!.buffers.closeUp ? CloseUpShare(spacingPx) : 0;
            changed = this._readMember(member, count++, shown.level, shown.share, closeUp, isCut) || changed;
            if (shown.leaving !== null) {
                changed = this._readMember(member, count++, shown.leaving, 1 - shown.share, closeUp, isCut) || changed;
            }
        }
        changed = changed || this.members.length !== count;
        this.members.length = count;
        this._seen.length = count; // an avatar that left must not be kept alive
        return changed;
    }

    /** Takes a member as number `index` of the list. @returns whether anything of it differs from what was there */
    private _readMember(
        member: ISplatMember,
        index: number,
        level: Level,
        share: number,
        closeUp: number,
        isCut: boolean,
    ): boolean {
        const { buffers, revision } = member.splats!;
        const seen = (this._seen[index] ??= {
            owner: member,
            avatar: buffers,
            revision: -1,
            worldFromPosed: new Float64Array(16),
            opacity: 0,
            level,
            share,
            cullBackFaces: false,
            cullHidden: false,
            closeUp,
        });
        const hidesItsInside = buffers.isOpaque && member.visibility === 1 && !isCut;
        const cullBackFaces = member.cullBackFaces === "auto" ? hidesItsInside : member.cullBackFaces;
        const cullHidden = member.cullHidden === "auto" ? hidesItsInside : member.cullHidden;
        let changed = CopyMatrix(member.posedNode.getWorldMatrix().m, seen.worldFromPosed);
        changed =
            changed || seen.avatar !== buffers || seen.revision !== revision || seen.opacity !== member.visibility;
        changed =
            changed ||
            seen.level !== level ||
            seen.share !== share ||
            seen.closeUp !== closeUp ||
            seen.cullBackFaces !== cullBackFaces ||
            seen.cullHidden !== cullHidden;
        changed = changed || this.members[index] !== seen;
        seen.owner = member;
        seen.avatar = buffers;
        seen.revision = revision;
        seen.opacity = member.visibility;
        seen.level = level;
        seen.share = share;
        seen.closeUp = closeUp;
        seen.cullBackFaces = cullBackFaces;
        seen.cullHidden = cullHidden;
        this.members[index] = seen;
        return changed;
    }

    /** Pixels between neighbouring Gaussians of level 0. */
    private _spacingOf({ splats, posedNode }: ISplatMember): number {
        const { head, bounds } = splats!.buffers;
        return head.levels.spacing * PixelsPerMeter(this.settings, posedNode.getWorldMatrix().m, bounds);
    }

    private _levelOf(member: ISplatMember, spacingPx: number, frameId: number, now: number): ShownLevel {
        let shown = this._levels.get(member);
        if (!shown) {
            shown = new ShownLevel();
            this._levels.set(member, shown);
        }
        shown.update(member.levelOfDetail, spacingPx, frameId, now);
        return shown;
    }
}

/** Whether a plane may cut an avatar open, so that its inside is seen. */
export function HasClipPlane(scene: Scene): boolean {
    const { clipPlane, clipPlane2, clipPlane3, clipPlane4, clipPlane5, clipPlane6 } = scene;
    return !!(clipPlane ?? clipPlane2 ?? clipPlane3 ?? clipPlane4 ?? clipPlane5 ?? clipPlane6);
}

/** Copies sixteen numbers. @returns whether any of them was different */
function CopyMatrix(from: ArrayLike<number>, to: Float64Array): boolean {
    let changed = false;
    for (let i = 0; i < 16; i++) {
        if (to[i] !== from[i]) {
            to[i] = from[i];
            changed = true;
        }
    }
    return changed;
}
