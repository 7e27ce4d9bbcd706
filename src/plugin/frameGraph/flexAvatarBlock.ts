/**
 * {@link FlexAvatarTask} as a block of a node render graph: in code, in files of the node render graph editor, and in
 * the editor itself.
 */
import type { Camera } from "@babylonjs/core/Cameras/camera.js";
import type { FrameGraph } from "@babylonjs/core/FrameGraph/frameGraph.js";
import type { FrameGraphTextureHandle } from "@babylonjs/core/FrameGraph/frameGraphTypes.js";
import { NodeRenderGraph } from "@babylonjs/core/FrameGraph/Node/nodeRenderGraph.js";
import { NodeRenderGraphBlock } from "@babylonjs/core/FrameGraph/Node/nodeRenderGraphBlock.js";
import type { NodeRenderGraphConnectionPoint } from "@babylonjs/core/FrameGraph/Node/nodeRenderGraphBlockConnectionPoint.js";
import type { NodeRenderGraphBuildState } from "@babylonjs/core/FrameGraph/Node/nodeRenderGraphBuildState.js";
import { NodeRenderGraphBlockConnectionPointTypes } from "@babylonjs/core/FrameGraph/Node/Types/nodeRenderGraphTypes.js";
import { RegisterClass } from "@babylonjs/core/Misc/typeStore.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { FlexAvatarComponent } from "../flexAvatarComponent.js";
import { FlexAvatarTask } from "./flexAvatarTask.js";

const ClassName = "NodeRenderGraphFlexAvatarBlock";

/**
 * Draws all avatars of the scene over `target`, tested against `depth`, as `camera` sees them. An object renderer that
 * is given all meshes of the scene, which a graph does by itself for inputs left empty, draws the avatars too, as
 * transparent meshes: such a graph needs no block. Use the block where avatars are to be drawn at another place, and
 * keep their splat meshes off the other lists.
 * @example
 * const avatars = new NodeRenderGraphFlexAvatarBlock("avatars", graph.frameGraph, scene);
 * objects.output.connectTo(avatars.target);
 * objects.outputDepth.connectTo(avatars.depth);
 * camera.output.connectTo(avatars.camera);
 * avatars.output.connectTo(output.texture);
 */
export class NodeRenderGraphFlexAvatarBlock extends NodeRenderGraphBlock {
    /** @internal */
    protected override _frameGraphTask: FlexAvatarTask;

    /**
     * @param name name of the block
     * @param frameGraph the graph's
     * @param scene scene whose component's avatars are drawn; a component is made if it has none
     */
    public constructor(name: string, frameGraph: FrameGraph, scene: Scene) {
        super(name, frameGraph, scene);
        const types = NodeRenderGraphBlockConnectionPointTypes;
        this.registerInput("target", types.AutoDetect);
        this.registerInput("depth", types.AutoDetect);
        this.registerInput("camera", types.Camera);
        this._addDependenciesInput();
        this.registerOutput("output", types.BasedOnInput);
        this.registerOutput("outputDepth", types.BasedOnInput);
        this.target.addExcludedConnectionPointFromAllowedTypes(
            types.TextureAllButBackBufferDepthStencil | types.ResourceContainer,
        );
        this.depth.addExcludedConnectionPointFromAllowedTypes(
            types.TextureDepthStencilAttachment | types.TextureBackBufferDepthStencilAttachment,
        );
        this.output._typeConnectionSource = this.target;
        this.outputDepth._typeConnectionSource = this.depth;
        this._frameGraphTask = new FlexAvatarTask(name, frameGraph, FlexAvatarComponent.GetOrCreate(scene).avatars);
    }

    /** The task that draws. */
    public override get task(): FlexAvatarTask {
        return this._frameGraphTask;
    }

    /** Color that the avatars are drawn over. */
    public get target(): NodeRenderGraphConnectionPoint {
        return this._inputs[0];
    }

    /** Depth of the opaque objects. */
    public get depth(): NodeRenderGraphConnectionPoint {
        return this._inputs[1];
    }

    /** Seen from here. */
    public get camera(): NodeRenderGraphConnectionPoint {
        return this._inputs[2];
    }

    /** Blocks that must run before. */
    public get dependencies(): NodeRenderGraphConnectionPoint {
        return this._inputs[3];
    }

    /** The target with the avatars. */
    public get output(): NodeRenderGraphConnectionPoint {
        return this._outputs[0];
    }

    /** The depth, unchanged. */
    public get outputDepth(): NodeRenderGraphConnectionPoint {
        return this._outputs[1];
    }

    /** @returns the class name, which files name it by */
    public override getClassName(): string {
        return ClassName;
    }

    /** @internal */
    protected override _buildBlock(state: NodeRenderGraphBuildState): void {
        super._buildBlock(state);
        const task = this._frameGraphTask;
        this.output.value = task.outputTexture;
        this.outputDepth.value = task.outputDepthTexture;
        task.targetTexture = this.target.connectedPoint?.value as FrameGraphTextureHandle | undefined;
        task.depthTexture = this.depth.connectedPoint?.value as FrameGraphTextureHandle | undefined;
        task.camera = this.camera.connectedPoint?.value as Camera | undefined;
    }
}

/**
 * Makes the block known to Babylon's parser and to the node render graph editor. Called by the package; calling it
 * again changes nothing.
 */
export function RegisterFlexAvatarBlock(): void {
    RegisterClass(`BABYLON.${ClassName}`, NodeRenderGraphFlexAvatarBlock);
    const descriptions = NodeRenderGraph.CustomBlockDescriptions;
    if (!descriptions.some(({ name }) => name === ClassName)) {
        descriptions.push({
            name: ClassName,
            description: "Draws the FlexAvatar heads of the scene",
            menu: "Rendering",
            factory: (frameGraph, scene) => new NodeRenderGraphFlexAvatarBlock("FlexAvatar", frameGraph, scene),
        });
    }
}
