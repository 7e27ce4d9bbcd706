/**
 * The compute passes of a frame, from expression to drawing order: poseVertices, positionMap, splatProject, and a sort. It records into the caller's encoder and submits nothing; nothing is awaited or read back.
 */
import { FlexAvatarError } from "../../flame/error";
import type { AvatarBuffers } from "./avatarBuffers";
import { CreateSorterAsync, type ISortProbe } from "./sort/sorterChoice";
import type { ISplatSorter, SplatSorterName } from "./sort/splatSorter";
import type { ViewBuffers } from "./viewBuffers";
import { WriteViewParams, type IViewSettings } from "./viewParams";
import { KernelSources, ResolveImports, type KernelName } from "./wgsl";

/** Threads per workgroup of the kernels that run over a list. */
const WorkgroupSize: Readonly<Record<KernelName, number>> = {
    poseVertices: 64,
    positionMap: 64,
    splatProject: 64,
};

const PoseDescriptor: GPUComputePassDescriptor = { label: "poseVertices" };
const PositionMapDescriptor: GPUComputePassDescriptor = { label: "positionMap" };
const PrepareViewDescriptor: GPUComputePassDescriptor = { label: "prepareView" };

/** Bind groups 0, 1, 2 of a kernel and the second object they were made for. */
interface IBoundGroups {
    readonly partner: object | null;
    readonly groups: readonly GPUBindGroup[];
}

/** Settings of {@link SplatPipeline.CreateAsync}. */
export interface ISplatPipelineSettings {
    /** Which sort orders the splats. Default "auto": both are measured for a few milliseconds and the faster one is taken. */
    sort?: SplatSorterName | "auto";
}

/** One per device. Holds pipelines and bind groups only, so there is nothing to dispose. */
export class SplatPipeline {
    private readonly _bound = new WeakMap<object, Map<KernelName, IBoundGroups>>();

    private constructor(
        public readonly device: GPUDevice,
        /** Orders the splats of every view. */
        public readonly sorter: ISplatSorter,
        /** What the choice of the sorter was made by; null where it was given. */
        public readonly sortProbe: ISortProbe | null,
        private readonly _pipelines: Readonly<Record<KernelName, GPUComputePipeline>>,
    ) {}

    /**
     * Compiles all kernels and chooses the sort.
     * @param device needs no optional feature and no limit above the defaults
     */
    public static async CreateAsync(device: GPUDevice, { sort = "auto" }: ISplatPipelineSettings = {}): Promise<SplatPipeline> {
        let sortProbe: ISortProbe | null = null;
        const sorter = await CreateSorterAsync(device, sort, (probe) => (sortProbe = probe));
        const names = Object.keys(KernelSources) as KernelName[];
        const pipelines = await Promise.all(
            names.map((name) =>
                device.createComputePipelineAsync({
                    label: name,
                    layout: "auto",
                    compute: {
                        module: device.createShaderModule({ label: name, code: ResolveImports(KernelSources[name]) }),
                        entryPoint: "main",
                        constants: name === "splatProject" ? { CountKeys: Number(sorter.needsKeyCounts) } : undefined,
                    },
                }),
            ),
        );
        const byName = Object.fromEntries(names.map((name, i) => [name, pipelines[i]]));
        return new SplatPipeline(device, sorter, sortProbe, byName as Record<KernelName, GPUComputePipeline>);
    }

    /** Records blendshapes and skinning of the head. Call after `avatar.setExpression`, before {@link positionMap} and {@link prepareView}. */
    public poseVertices(encoder: GPUCommandEncoder, avatar: AvatarBuffers): void {
        const { head } = avatar;
        const groups =
            this._find("poseVertices", avatar, head) ??
            this._bind("poseVertices", avatar, head, [
                [avatar.params],
                [head.vertices, head.expressionStart, head.expressionEntries, avatar.coefficients],
                [avatar.expressed, avatar.posed, avatar.driving],
            ]);
        const pass = encoder.beginComputePass(PoseDescriptor);
        this._dispatch(pass, "poseVertices", groups, head.model.vertexCount);
        pass.end();
    }

    /**
     * Records the driver's input.
     * @param out [3,P,P] f32, usage STORAGE and COPY_DST; borrowed
     */
    public positionMap(encoder: GPUCommandEncoder, avatar: AvatarBuffers, out: GPUBuffer): void {
        const { head } = avatar;
        const groups =
            this._find("positionMap", out, avatar) ??
            this._bind("positionMap", out, avatar, [[avatar.params], [head.positionTexels, avatar.driving], [out]]);
        encoder.clearBuffer(out);
        const pass = encoder.beginComputePass(PositionMapDescriptor);
        this._dispatch(pass, "positionMap", groups, head.positionTable.gaussianCount);
        pass.end();
    }

    /**
     * Records projection and sort of one avatar for one view. Afterwards `view` can be drawn.
     * A view belongs to one avatar; handing it another one costs new bind groups.
     * @throws FlexAvatarError `invalid-argument` if the view holds fewer Gaussians than the avatar has
     */
    public prepareView(encoder: GPUCommandEncoder, avatar: AvatarBuffers, view: ViewBuffers, settings: IViewSettings): void {
        if (view.gaussianCount < avatar.gaussianCount) {
            throw new FlexAvatarError(
                "invalid-argument",
                `prepareView got a view for ${view.gaussianCount} Gaussians, wanted at least ${avatar.gaussianCount}.`,
            );
        }
        WriteViewParams(settings, avatar.bounds, avatar.gaussianCount, view.paramsData);
        this.device.queue.writeBuffer(view.params, 0, view.paramsData);
        const { keyCounts } = this.sorter.prepare(encoder, view, avatar.gaussianCount);
        const groups =
            this._find("splatProject", keyCounts, avatar) ??
            this._bind("splatProject", keyCounts, avatar, [
                [avatar.params, view.params],
                [avatar.head.texels, avatar.expressed, avatar.staticMap, avatar.deltaMaps[0], avatar.deltaMaps[1]],
                [view.records, view.keys, keyCounts],
            ]);
        const pass = encoder.beginComputePass(PrepareViewDescriptor);
        this._dispatch(pass, "splatProject", groups, avatar.gaussianCount);
        this.sorter.sort(pass, view);
        pass.end();
    }

    private _dispatch(pass: GPUComputePassEncoder, name: KernelName, groups: readonly GPUBindGroup[], threads: number): void {
        this._set(pass, name, groups);
        pass.dispatchWorkgroups(Math.ceil(threads / WorkgroupSize[name]));
    }

    private _set(pass: GPUComputePassEncoder, name: KernelName, groups: readonly GPUBindGroup[]): void {
        pass.setPipeline(this._pipelines[name]);
        for (let i = 0; i < groups.length; i++) {
            pass.setBindGroup(i, groups[i]);
        }
    }

    private _find(name: KernelName, owner: object, partner: object | null): readonly GPUBindGroup[] | undefined {
        const bound = this._bound.get(owner)?.get(name);
        return bound?.partner === partner ? bound?.groups : undefined;
    }

    /** Makes bind groups 0 to 2, buffers in binding order, and keeps them with `owner`. */
    private _bind(name: KernelName, owner: object, partner: object | null, buffers: readonly GPUBuffer[][]): readonly GPUBindGroup[] {
        const groups = buffers.map((group, index) =>
            this.device.createBindGroup({
                label: `${name}.${index}`,
                layout: this._pipelines[name].getBindGroupLayout(index),
                entries: group.map((buffer, binding) => ({ binding, resource: { buffer } })),
            }),
        );
        const ofOwner = this._bound.get(owner) ?? new Map<KernelName, IBoundGroups>();
        ofOwner.set(name, { partner, groups });
        this._bound.set(owner, ofOwner);
        return groups;
    }
}
