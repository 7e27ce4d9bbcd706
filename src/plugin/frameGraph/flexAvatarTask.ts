/**
 * Draws avatars as a task of an explicit frame graph: after the opaque objects, into their color and depth. It is the
 * same mesh and material as in classic rendering, so the pictures are the same. Projection and sort start where the
 * mesh is rendered.
 */
import type { Camera } from "@babylonjs/core/Cameras/camera.js";
import type { FrameGraph } from "@babylonjs/core/FrameGraph/frameGraph.js";
import { FrameGraphTask } from "@babylonjs/core/FrameGraph/frameGraphTask.js";
import type { FrameGraphTextureHandle } from "@babylonjs/core/FrameGraph/frameGraphTypes.js";
import { FrameGraphObjectRendererTask } from "@babylonjs/core/FrameGraph/Tasks/Rendering/objectRendererTask.js";
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh.js";
import type { IParticleSystem } from "@babylonjs/core/Particles/IParticleSystem.js";
import { FlexAvatarError } from "../../flame/error.js";
import type { FlexAvatar } from "../avatar/flexAvatar.js";

/**
 * Set targetTexture, depthTexture and camera, then add it to the graph.
 * @example
 * const task = new FlexAvatarTask("avatars", frameGraph, component.avatars);
 * task.targetTexture = opaque.outputTexture;
 * task.depthTexture = opaque.outputDepthTexture;
 * task.camera = camera;
 * frameGraph.addTask(task);
 */
export class FlexAvatarTask extends FrameGraphTask {
    /** Color that the avatars are drawn over. */
    public targetTexture?: FrameGraphTextureHandle;
    /** Depth of the opaque objects; tested, not written. Size and sample count must be the target's. */
    public depthTexture?: FrameGraphTextureHandle;
    /** Seen from here. */
    public camera?: Camera;
    /** The target with the avatars. */
    public readonly outputTexture: FrameGraphTextureHandle;
    /** The depth, unchanged. */
    public readonly outputDepthTexture: FrameGraphTextureHandle;
    /** Recorded by this task, never added to the graph. */
    private readonly _draw: FrameGraphObjectRendererTask;
    private readonly _objects: { meshes: AbstractMesh[]; particleSystems: IParticleSystem[] } = {
        meshes: [],
        particleSystems: [],
    };

    /**
     * @param name name in the graph
     * @param frameGraph the graph
     * @param _avatars read in each frame, so `component.avatars` follows who comes and goes; borrowed. Avatars of the
     * same rendering group and layer mask are drawn by one mesh: name one of them and all are drawn
     */
    public constructor(
        name: string,
        frameGraph: FrameGraph,
        private readonly _avatars: readonly FlexAvatar[],
    ) {
        super(name, frameGraph);
        this._draw = new FrameGraphObjectRendererTask(`${name} - draw`, frameGraph, frameGraph.scene);
        this._draw.depthWrite = false;
        this.outputTexture = frameGraph.textureManager.createDanglingHandle();
        this.outputDepthTexture = frameGraph.textureManager.createDanglingHandle();
    }

    /** @returns the class name */
    public override getClassName(): string {
        return "FlexAvatarTask";
    }

    /** @returns whether all shaders are compiled */
    public override isReady(): boolean {
        this._collect();
        return this._draw.isReady();
    }

    /** Records the passes; runs again on every rebuild. */
    public override record(skipCreationOfDisabledPasses = false): void {
        const { targetTexture, depthTexture, camera, _frameGraph: graph, _draw: draw } = this;
        if (targetTexture === undefined || depthTexture === undefined || !camera) {
            throw new FlexAvatarError(
                "invalid-argument",
                `The task "${this.name}" needs targetTexture, depthTexture and camera before the graph is built.`,
            );
        }
        graph.textureManager.resolveDanglingHandle(this.outputTexture, targetTexture);
        graph.textureManager.resolveDanglingHandle(this.outputDepthTexture, depthTexture);
        graph.addPass(`${this.name} - collect`).setExecuteFunc(() => this._collect());
        draw.targetTexture = targetTexture;
        draw.depthTexture = depthTexture;
        draw.camera = camera;
        draw.objectList = this._objects;
        draw.record(true);
        if (!skipCreationOfDisabledPasses) {
            const disabled = graph.addRenderPass(`${this.name}_disabled`, true); // same targets as the enabled pass
            disabled.setRenderTarget(this.outputTexture);
            disabled.setRenderTargetDepth(this.outputDepthTexture);
            disabled.setExecuteFunc(() => undefined);
        }
    }

    /** Frees the task; the avatars stay. */
    public override dispose(): void {
        this._draw.dispose();
        super.dispose();
    }

    /** Lists the meshes that draw the avatars that are there now, each once. Allocates only when their number grows. */
    private _collect(): void {
        const { meshes } = this._objects;
        let count = 0;
        for (const avatar of this._avatars) {
            if (avatar.isMesh) {
                continue; // the graph's objects, as other meshes are
            }
            const { splatMesh } = avatar;
            if (meshes.indexOf(splatMesh) < 0 || meshes.indexOf(splatMesh) >= count) {
                meshes[count++] = splatMesh;
            }
        }
        meshes.length = count;
    }
}
