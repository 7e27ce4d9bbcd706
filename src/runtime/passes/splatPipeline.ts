/**
 * The passes of a frame in their order, from expression to drawing order: poseVertices, positionMap, splatOccluder,
 * splatProject, splatCloseUp, and a sort. Each is one dispatch for all avatars of one head model (positionMap: for one
 * avatar). It records into the caller's encoder and submits nothing; nothing is awaited or read back.
 */
import { FlexAvatarError } from "../../flame/error.js";
import { CloseUpSlotLayout, ViewSlotLayout } from "../layout.js";
import { AvatarBuffers } from "./avatarBuffers.js";
import { HalfOrSingleAsync } from "./halfOrSingle.js";
import type { HeadBuffers } from "./headBuffers.js";
import { PoseVerticesPass } from "./poseVertices.js";
import { PositionMapPass } from "./positionMap.js";
import { CreateSorterAsync, type ISortProbe } from "./sort/sorterChoice.js";
import type { ISplatSorter, SplatSorterName } from "./sort/splatSorter.js";
import { SplatCloseUpPass } from "./splatCloseUp.js";
import { SplatOccluderPass } from "./splatOccluder.js";
import { SplatProjectPass } from "./splatProject.js";
import { OccluderInstanceBytes, type ViewBuffers } from "./view/viewBuffers.js";
import { WriteView } from "./view/viewParams.js";
import type { ICameraSettings, ICrowdMember, IViewSettings } from "./view/viewSettings.js";

const PoseDescriptor: GPUComputePassDescriptor = { label: "poseVertices" };
const PositionMapDescriptor: GPUComputePassDescriptor = { label: "positionMap" };
const PrepareViewDescriptor: GPUComputePassDescriptor = { label: "prepareView" };

const OneAvatar: AvatarBuffers[] = []; // scratch of poseVertices
const Unposed: AvatarBuffers[] = []; // scratch of prepareCrowd
const OneMember: ICrowdMember[] = []; // scratch of prepareView

/** Settings of {@link SplatPipeline.CreateAsync}. */
export interface ISplatPipelineSettings {
    /**
     * Which sort orders the splats. Default "auto": both are measured for a few milliseconds and the faster one is
     * taken.
     */
    sort?: SplatSorterName | "auto";
    /** Colors in half precision, where the device has `shader-f16`. Default: unless it is a software adapter. */
    half?: boolean;
}

/** The passes, compiled. */
interface IPasses {
    readonly poseVertices: PoseVerticesPass;
    readonly positionMap: PositionMapPass;
    readonly splatOccluder: SplatOccluderPass;
    readonly splatProject: SplatProjectPass;
    readonly splatCloseUp: SplatCloseUpPass;
}

/** One per device. Holds pipelines and bind groups only, so there is nothing to dispose. */
export class SplatPipeline {
    private _changed = new Uint32Array(16); // scratch of poseVertices
    private _dispatches = 0;

    private constructor(
        public readonly device: GPUDevice,
        /** Orders the splats of every view. */
        public readonly sorter: ISplatSorter,
        /** What the choice of the sorter was made by; null where it was given. */
        public readonly sortProbe: ISortProbe | null,
        /** Whether colors are computed in half precision. */
        public readonly half: boolean,
        private readonly _passes: IPasses,
    ) {}

    /**
     * Compiles all kernels and chooses the sort.
     * @param device needs no optional feature and no limit above the defaults
     */
    public static async CreateAsync(
        device: GPUDevice,
        { sort = "auto", half }: ISplatPipelineSettings = {},
    ): Promise<SplatPipeline> {
        let sortProbe: ISortProbe | null = null;
        const sorter = await CreateSorterAsync(device, sort, (probe) => (sortProbe = probe));
        return HalfOrSingleAsync(device, half, async (isHalf) => {
            const [poseVertices, positionMap, splatOccluder, splatProject, splatCloseUp] = await Promise.all([
                PoseVerticesPass.CreateAsync(device),
                PositionMapPass.CreateAsync(device),
                SplatOccluderPass.CreateAsync(device),
                SplatProjectPass.CreateAsync(device, sorter.needsKeyCounts, isHalf),
                SplatCloseUpPass.CreateAsync(device),
            ]);
            const passes = { poseVertices, positionMap, splatOccluder, splatProject, splatCloseUp };
            return new SplatPipeline(device, sorter, sortProbe, isHalf, passes);
        });
    }

    /** Compute dispatches recorded so far, sorts included. */
    public get dispatches(): number {
        return this._dispatches;
    }

    /**
     * Records the faces of avatars: one dispatch per head, however many avatars. Call after `avatar.setExpression`,
     * before {@link positionMap} and {@link prepareView}, and at most once per head and submit.
     */
    public poseVertices(encoder: GPUCommandEncoder, avatars: AvatarBuffers | readonly AvatarBuffers[]): void {
        if (avatars instanceof AvatarBuffers) {
            OneAvatar[0] = avatars;
            this._poseHead(encoder, avatars.head, OneAvatar);
            OneAvatar.length = 0;
            return;
        }
        for (let first = 0; first < avatars.length; first++) {
            const { head } = avatars[first];
            let earlier = 0;
            while (avatars[earlier].head !== head) {
                earlier++;
            }
            if (earlier === first) {
                this._poseHead(encoder, head, avatars);
            }
        }
    }

    /**
     * Records the driver's input of one avatar.
     * @param out [3,P,P] f32, usage STORAGE and COPY_DST; borrowed
     */
    public positionMap(encoder: GPUCommandEncoder, avatar: AvatarBuffers, out: GPUBuffer): void {
        encoder.clearBuffer(out);
        const pass = encoder.beginComputePass(PositionMapDescriptor);
        this._passes.positionMap.record(pass, avatar, out);
        this._dispatches++;
        pass.end();
    }

    /**
     * Records projection and sort of one avatar for one view. Afterwards `view` can be drawn.
     * @throws FlexAvatarError `invalid-argument` if the view holds fewer Gaussians than the avatar has
     */
    public prepareView(
        encoder: GPUCommandEncoder,
        avatar: AvatarBuffers,
        view: ViewBuffers,
        settings: IViewSettings,
    ): void {
        const { worldFromPosed, cullBackFaces, cullHidden } = settings;
        OneMember[0] = { avatar, worldFromPosed, opacity: 1, cullBackFaces, cullHidden };
        this.prepareCrowd(encoder, OneMember, view, settings);
        OneMember.length = 0;
    }

    /**
     * Records projection and sort of all avatars of one view, in one order: one dispatch per head and level of detail
     * to project, and one sort. Avatars that are wholly outside the view, or have no opacity, cost nothing. Poses those
     * that are not yet. Afterwards `view` can be drawn. At most once per view and submit.
     * @param members all of this device; read, not kept
     * @param ordered a view of the same members, already prepared, whose order is to be used instead of a sort of its
     * own: both look in the same direction, from places beside each other, and keep what is off screen
     * @throws FlexAvatarError `invalid-argument` if the view holds fewer Gaussians or avatars than there are
     */
    public prepareCrowd(
        encoder: GPUCommandEncoder,
        members: readonly ICrowdMember[],
        view: ViewBuffers,
        camera: ICameraSettings,
        ordered = view,
    ): void {
        let gaussians = 0;
        for (let index = 0; index < members.length; index++) {
            gaussians += members[index].avatar.gaussiansAt(members[index].level ?? 0);
        }
        if (view.gaussianCount < gaussians || view.avatarCount < members.length) {
            throw new FlexAvatarError(
                "invalid-argument",
                `prepareView got a view for ${view.gaussianCount} Gaussians of ${view.avatarCount} avatars, wanted at least ${gaussians} of ${members.length}.`,
            );
        }
        this._poseMembers(encoder, members);
        const recordCount = WriteView(camera, members, view);
        this.device.queue.writeBuffer(view.params, 0, view.paramsData.bytes);
        const { groups } = view;
        const last = groups.length > 0 ? groups[groups.length - 1] : null;
        if (last) {
            const bytes = (last.firstSlot + last.avatarCount) * ViewSlotLayout.byteLength;
            this.device.queue.writeBuffer(view.slots, 0, view.slotsData.bytes, 0, bytes);
        }
        if (view.occluderCount > 0) {
            const bytes = OccluderInstanceBytes * view.occluderCount;
            this.device.queue.writeBuffer(view.occluders, 0, view.occludersData.buffer, 0, bytes);
            this._passes.splatOccluder.draw(encoder, view);
        }
        if (view.closeUpHead && last) {
            const bytes = (last.firstSlot + last.avatarCount) * CloseUpSlotLayout.byteLength;
            this.device.queue.writeBuffer(view.closeUpSlots, 0, view.closeUpSlotsData.bytes, 0, bytes);
            encoder.clearBuffer(view.closeUps);
        }
        // The other view is sorted by now, so its counts may be written over.
        const { keyCounts } = ordered === view ? this.sorter.prepare(encoder, view, recordCount) : ordered.sortScratch!;
        const pass = encoder.beginComputePass(PrepareViewDescriptor);
        for (let index = 0; index < groups.length; index++) {
            this._passes.splatProject.record(pass, view, groups[index], keyCounts);
            this._dispatches++;
        }
        for (let index = 0; index < groups.length; index++) {
            const group = groups[index];
            // A coarse level has more than one Gaussian of the map in each of its own, and no detail.
            if (group.head === view.closeUpHead && group.gaussianCount === group.head.table.gaussianCount) {
                this._passes.splatCloseUp.record(pass, view, group);
                this._dispatches++;
            }
        }
        if (ordered === view) {
            this.sorter.sort(pass, view);
            this._dispatches += this.sorter.dispatchCount;
        }
        pass.end();
    }

    private _poseMembers(encoder: GPUCommandEncoder, members: readonly ICrowdMember[]): void {
        for (let index = 0; index < members.length; index++) {
            const { avatar } = members[index];
            if (!avatar.isPosed) {
                Unposed.push(avatar);
            }
        }
        if (Unposed.length > 0) {
            this.poseVertices(encoder, Unposed);
            while (Unposed.length > 0) {
                Unposed.pop(); // unlike a length of 0, this keeps the room
            }
        }
    }

    private _poseHead(encoder: GPUCommandEncoder, head: HeadBuffers, avatars: readonly AvatarBuffers[]): void {
        if (this._changed.length < avatars.length) {
            this._changed = new Uint32Array(2 * avatars.length);
        }
        let count = 0;
        for (let index = 0; index < avatars.length; index++) {
            const avatar = avatars[index];
            if (avatar.head === head) {
                this._changed[count++] = avatar.slot;
                avatar._markPosed();
            }
        }
        this.device.queue.writeBuffer(head.avatars.buffer("changed"), 0, this._changed, 0, count);
        const pass = encoder.beginComputePass(PoseDescriptor);
        this._passes.poseVertices.record(pass, head, count);
        this._dispatches++;
        pass.end();
    }
}
