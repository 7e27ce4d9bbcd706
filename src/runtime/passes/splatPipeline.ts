/**
 * The compute passes of a frame, from expression to drawing order: poseVertices, positionMap, splatProject, and a sort.
 * Each is one dispatch for all avatars of one head model (positionMap: for one avatar). It records into the caller's
 * encoder and submits nothing; nothing is awaited or read back.
 */
import { FlexAvatarError } from "../../flame/error.js";
import { CloseUpSlotLayout, ViewSlotLayout, WorkgroupSizes } from "../layout.js";
import { AvatarBuffers } from "./avatarBuffers.js";
import type { HeadBuffers } from "./headBuffers.js";
import { CreateSorterAsync, type ISortProbe } from "./sort/sorterChoice.js";
import type { ISplatSorter, SplatSorterName } from "./sort/splatSorter.js";
import { OccluderPass } from "./occluderPass.js";
import { OccluderInstanceBytes, type IViewGroup, type ViewBuffers } from "./viewBuffers.js";
import { WriteView, type ICameraSettings, type ICrowdMember, type IViewSettings } from "./viewParams.js";
import { HalfOrSingleAsync } from "./halfOrSingle.js";
import { KernelSources, ResolveTwin, type KernelName } from "./wgsl.js";

const PoseDescriptor: GPUComputePassDescriptor = { label: "poseVertices" };
const PositionMapDescriptor: GPUComputePassDescriptor = { label: "positionMap" };
const PrepareViewDescriptor: GPUComputePassDescriptor = { label: "prepareView" };

/** Bind groups 0, 1, 2 of a kernel, and what they were made for besides their owner. */
interface IBoundGroups {
    readonly head: HeadBuffers;
    /** Of the head's shared buffers, which are replaced when avatars come. */
    readonly revision: number;
    readonly partner: object;
    readonly texture: object | null;
    readonly groups: readonly GPUBindGroup[];
}

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

/** One per device. Holds pipelines and bind groups only, so there is nothing to dispose. */
export class SplatPipeline {
    /** By kernel, then by owner: a head, a driver's input, or slots of a view. */
    private readonly _bound: Readonly<Record<KernelName, WeakMap<object, IBoundGroups>>> = {
        poseVertices: new WeakMap(),
        positionMap: new WeakMap(),
        splatProject: new WeakMap(),
        splatCloseUp: new WeakMap(),
    };
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
        private readonly _pipelines: Readonly<Record<KernelName, GPUComputePipeline>>,
        private readonly _occluderPass: OccluderPass,
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
            const [occluderPass, pipelines] = await Promise.all([
                OccluderPass.CreateAsync(device),
                CompileAsync(device, sorter.needsKeyCounts, isHalf),
            ]);
            return new SplatPipeline(device, sorter, sortProbe, isHalf, pipelines, occluderPass);
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
            if (avatars.findIndex((avatar) => avatar.head === head) === first) {
                this._poseHead(encoder, head, avatars);
            }
        }
    }

    /**
     * Records the driver's input of one avatar.
     * @param out [3,P,P] f32, usage STORAGE and COPY_DST; borrowed
     */
    public positionMap(encoder: GPUCommandEncoder, avatar: AvatarBuffers, out: GPUBuffer): void {
        const { head } = avatar;
        const groups =
            this._find("positionMap", out, head, avatar) ??
            this._bind("positionMap", out, head, avatar, null, [
                [head.params, avatar.params],
                [head.positionTexels, head.avatars.buffer("expressed")],
                [out],
            ]);
        encoder.clearBuffer(out);
        const pass = encoder.beginComputePass(PositionMapDescriptor);
        this._dispatch(pass, "positionMap", groups, head.positionTable.gaussianCount);
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
     * own: both look in the same
     *   direction, from places beside each other, and keep what is off screen
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
        for (const { avatar, level } of members) {
            gaussians += avatar.gaussiansAt(level ?? 0);
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
        const last = view.groups.at(-1);
        if (last) {
            const bytes = (last.firstSlot + last.avatarCount) * ViewSlotLayout.byteLength;
            this.device.queue.writeBuffer(view.slots, 0, view.slotsData.bytes, 0, bytes);
        }
        if (view.occluderCount > 0) {
            const bytes = OccluderInstanceBytes * view.occluderCount;
            this.device.queue.writeBuffer(view.occluders, 0, view.occludersData.buffer, 0, bytes);
            this._occluderPass.draw(encoder, view);
        }
        if (view.closeUpHead && last) {
            const bytes = (last.firstSlot + last.avatarCount) * CloseUpSlotLayout.byteLength;
            this.device.queue.writeBuffer(view.closeUpSlots, 0, view.closeUpSlotsData.bytes, 0, bytes);
            encoder.clearBuffer(view.closeUps);
        }
        // The other view is sorted by now, so its counts may be written over.
        const { keyCounts } = ordered === view ? this.sorter.prepare(encoder, view, recordCount) : ordered.sortScratch!;
        const pass = encoder.beginComputePass(PrepareViewDescriptor);
        for (const group of view.groups) {
            const groups = this._projectGroups(view, group, keyCounts);
            this._dispatch(pass, "splatProject", groups, group.gaussianCount, group.avatarCount);
        }
        for (const group of view.groups) {
            // A coarse level has more than one Gaussian of the map in each of its own, and no detail.
            if (group.head === view.closeUpHead && group.gaussianCount === group.head.table.gaussianCount) {
                const groups = this._closeUpGroups(view, group);
                this._dispatch(pass, "splatCloseUp", groups, group.gaussianCount, group.avatarCount);
            }
        }
        if (ordered === view) {
            this.sorter.sort(pass, view);
            this._dispatches += this.sorter.dispatchCount;
        }
        pass.end();
    }

    private _poseMembers(encoder: GPUCommandEncoder, members: readonly ICrowdMember[]): void {
        for (const { avatar } of members) {
            if (!avatar.isPosed) {
                Unposed.push(avatar);
            }
        }
        if (Unposed.length > 0) {
            this.poseVertices(encoder, Unposed);
            Unposed.length = 0;
        }
    }

    private _poseHead(encoder: GPUCommandEncoder, head: HeadBuffers, avatars: readonly AvatarBuffers[]): void {
        if (this._changed.length < avatars.length) {
            this._changed = new Uint32Array(2 * avatars.length);
        }
        let count = 0;
        for (const avatar of avatars) {
            if (avatar.head === head) {
                this._changed[count++] = avatar.slot;
                avatar._markPosed();
            }
        }
        const changed = head.avatars.buffer("changed");
        this.device.queue.writeBuffer(changed, 0, this._changed, 0, count);
        const groups =
            this._find("poseVertices", head, head, head) ??
            this._bind("poseVertices", head, head, head, null, [
                [head.params],
                [
                    head.vertices,
                    head.expressionStart,
                    head.expressionEntries,
                    head.avatars.buffer("coefficients"),
                    changed,
                ],
                [head.avatars.buffer("expressed")],
            ]);
        const pass = encoder.beginComputePass(PoseDescriptor);
        this._dispatch(pass, "poseVertices", groups, head.model.vertexCount, count);
        pass.end();
    }

    private _projectGroups(
        view: ViewBuffers,
        { head, firstSlot }: IViewGroup,
        keyCounts: GPUBuffer,
    ): readonly GPUBindGroup[] {
        const slots = view.slotsFrom(firstSlot);
        const occluders = view.occluderDepth;
        return (
            this._find("splatProject", slots, head, keyCounts, occluders) ??
            this._bind("splatProject", slots, head, keyCounts, occluders, [
                [view.params, occluders],
                [
                    slots,
                    head.texels,
                    head.avatars.buffer("expressed"),
                    head.persons.buffer("attributes"),
                    head.avatars.buffer("deltas"),
                ],
                [view.records, view.keys, keyCounts],
            ])
        );
    }

    private _closeUpGroups(view: ViewBuffers, { head, firstSlot }: IViewGroup): readonly GPUBindGroup[] {
        const slots = view.slotsFrom(firstSlot);
        const { frames } = head.closeUps;
        return (
            this._find("splatCloseUp", slots, head, frames) ??
            this._bind("splatCloseUp", slots, head, frames, null, [
                [view.params],
                [
                    slots,
                    head.texels,
                    head.avatars.buffer("expressed"),
                    frames,
                    { buffer: view.closeUpSlots, offset: firstSlot * CloseUpSlotLayout.byteLength },
                    view.records,
                    view.keys,
                ],
                [view.closeUps],
            ])
        );
    }

    private _dispatch(
        pass: GPUComputePassEncoder,
        name: KernelName,
        groups: readonly GPUBindGroup[],
        threads: number,
        rows = 1,
    ): void {
        pass.setPipeline(this._pipelines[name]);
        for (let i = 0; i < groups.length; i++) {
            pass.setBindGroup(i, groups[i]);
        }
        pass.dispatchWorkgroups(Math.ceil(threads / WorkgroupSizes[name]), rows);
        this._dispatches++;
    }

    private _find(
        name: KernelName,
        owner: object,
        head: HeadBuffers,
        partner: object,
        texture: object | null = null,
    ): readonly GPUBindGroup[] | undefined {
        const bound = this._bound[name].get(owner);
        const isSame =
            bound?.head === head &&
            bound.revision === head.revision &&
            bound.partner === partner &&
            bound.texture === texture;
        return isSame ? bound.groups : undefined;
    }

    /** Makes bind groups 0 to 2, what they bind in binding order, and keeps them with `owner`. */
    private _bind(
        name: KernelName,
        owner: object,
        head: HeadBuffers,
        partner: object,
        texture: object | null,
        parts: readonly (GPUBuffer | GPUBufferBinding | GPUTextureView)[][],
    ): readonly GPUBindGroup[] {
        const groups = parts.map((group, index) =>
            this.device.createBindGroup({
                label: `${name}.${index}`,
                layout: this._pipelines[name].getBindGroupLayout(index),
                entries: group.map((part, binding) => ({
                    binding,
                    resource: "size" in part && !("buffer" in part) ? { buffer: part } : part,
                })),
            }),
        );
        this._bound[name].set(owner, { head, revision: head.revision, partner, texture, groups });
        return groups;
    }
}

async function CompileAsync(
    device: GPUDevice,
    countKeys: boolean,
    half: boolean,
): Promise<Readonly<Record<KernelName, GPUComputePipeline>>> {
    const names = Object.keys(KernelSources) as KernelName[];
    const pipelines = await Promise.all(
        names.map((name) =>
            device.createComputePipelineAsync({
                label: name,
                layout: "auto",
                compute: {
                    module: device.createShaderModule({
                        label: name,
                        code: ResolveTwin(KernelSources[name], half && name === "splatProject"),
                    }),
                    entryPoint: "main",
                    constants: name === "splatProject" ? { CountKeys: Number(countKeys) } : undefined,
                },
            }),
        ),
    );
    return Object.fromEntries(names.map((name, i) => [name, pipelines[i]])) as Record<KernelName, GPUComputePipeline>;
}
