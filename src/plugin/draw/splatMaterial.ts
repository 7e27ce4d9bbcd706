/**
 * The material of an avatar's splats: reads the sorted records of one view and draws premultiplied, depth-tested, not
 * depth-written. The shader is in splatShader.ts, its uniforms in splatUniforms.ts. Which view is drawn is the mesh's
 * business.
 */
import type { StorageBuffer } from "@babylonjs/core/Buffers/storageBuffer.js";
import { Constants } from "@babylonjs/core/Engines/constants.js";
import type { IImageProcessingConfigurationDefines } from "@babylonjs/core/Materials/imageProcessingConfiguration.defines.js";
import { ShaderLanguage } from "@babylonjs/core/Materials/shaderLanguage.js";
import { ThinTexture } from "@babylonjs/core/Materials/Textures/thinTexture.js";
import { ShaderMaterial } from "@babylonjs/core/Materials/shaderMaterial.js";
import type { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine.js";
import { WebGPUDataBuffer } from "@babylonjs/core/Meshes/WebGPU/webgpuDataBuffer.js";
import type { Matrix } from "@babylonjs/core/Maths/math.vector.js";
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh.js";
import type { Mesh } from "@babylonjs/core/Meshes/mesh.js";
import type { SubMesh } from "@babylonjs/core/Meshes/subMesh.js";
import type { Effect } from "@babylonjs/core/Materials/effect.js";
import type { Nullable } from "@babylonjs/core/types.js";
import type { Scene } from "@babylonjs/core/scene.js";
import type { ViewBuffers } from "../../runtime/passes/index.js";
import { HasDepthMap, ReceivedShadow, ShadowDefines, ShadowSamplerName } from "./receivedShadow.js";
import { IndirectDraw } from "./indirectDraw.js";
import {
    CloseUpAtlasName,
    CloseUpBufferName,
    CloseUpDefine,
    PlainDefine,
    RegisterSplatShader,
    SplatBufferNames,
    SplatShaderName,
} from "./splatShader.js";
import { ClipPlaneKeys, SetSplatUniforms, SplatUniformNames } from "./splatUniforms.js";
import type { SplatView } from "./splatView.js";

/**
 * What image processing can do to a splat's color on its way to an encoded target. Vignette, dither and grading
 * textures need a post-process.
 */
const ImageProcessingDefines = ["IMAGEPROCESSING", "EXPOSURE", "CONTRAST", "WHITEBALANCE", "COLORCURVES"] as const;
/** What a user may set of a material's stencil. */
const StencilKeys = [
    "enabled",
    "mask",
    "func",
    "funcRef",
    "funcMask",
    "opStencilFail",
    "opDepthFail",
    "opStencilDepthPass",
    "backFunc",
    "backOpStencilFail",
    "backOpDepthFail",
    "backOpStencilDepthPass",
] as const;
/** What else, as far as another material in its place must draw alike. */
const DrawnKeys = ["depthFunction", "disableDepthWrite", "disableColorWrite", "zOffset", "zOffsetUnits"] as const;
// scratch of _readImageProcessing
const Wanted = {} as IImageProcessingConfigurationDefines & Partial<Record<string, boolean>>;

/** Whether Babylon draws transparent meshes by depth peeling. */
export function PeelsDepth(scene: Scene): boolean {
    return (
        (scene as unknown as { _useOrderIndependentTransparency?: boolean })._useOrderIndependentTransparency === true
    );
}

/** A fragment shader of splats. */
export interface ISplatFragment {
    /** In Babylon's store. */
    readonly shader: string;
    /** Of its own. */
    readonly uniforms: readonly string[];
    /** Of its own. */
    readonly samplers: readonly string[];
    readonly isBlended: boolean;
    /** Whether it draws detail for close-ups. Default: not. */
    readonly hasCloseUps?: boolean;
    /** Whether it is for views with no fog, clip planes, logarithmic depth or linear target. Default: for all. */
    readonly isPlain?: boolean;
}

const DrawnSplat: ISplatFragment = { shader: SplatShaderName, uniforms: [], samplers: [], isBlended: true };

/** What draws splats with their detail for close-ups. */
export const DetailedSplat: ISplatFragment = { ...DrawnSplat, samplers: [CloseUpAtlasName], hasCloseUps: true };

/** What draws splats in views that want nothing more. */
export const PlainSplat: ISplatFragment = { ...DrawnSplat, isPlain: true };

/** Both. */
export const PlainDetailedSplat: ISplatFragment = { ...DetailedSplat, isPlain: true };

/** Made by `FlexAvatarSplatMesh`. Set `useLogarithmicDepth` where the scene's other materials have it. */
export class FlexAvatarSplatMaterial extends ShaderMaterial {
    /** What the next bind draws; borrowed. The mesh sets it for each view it renders. */
    public view: SplatView | null = null;
    /** Begun by each bind; the mesh ends it after the draw. @internal */
    public readonly indirectDraw = new IndirectDraw();
    /** The image processing that the defines stand for. */
    private _imageProcessing = -1;
    /** 0 takes no shadow, 1 from a color texture, 2 from a depth texture. */
    private _shadow = 0;
    private readonly _bindings = new WeakMap<ViewBuffers, readonly StorageBuffer[]>();
    private readonly _hasCloseUps: boolean;
    private readonly _closeUpBindings = new WeakMap<ViewBuffers, StorageBuffer>();
    private readonly _atlases = new WeakMap<GPUTexture, ThinTexture>();

    /**
     * @param name name in the scene
     * @param scene a scene on a WebGPUEngine
     * @param fragment another fragment shader of Babylon's store, its own uniforms and textures, and whether it blends
     */
    public constructor(name: string, scene: Scene, fragment: ISplatFragment = DrawnSplat) {
        RegisterSplatShader();
        super(
            name,
            scene,
            { vertex: SplatShaderName, fragment: fragment.shader },
            {
                attributes: [],
                uniforms: [...SplatUniformNames, ...fragment.uniforms],
                samplers: [ShadowSamplerName, ...fragment.samplers],
                storageBuffers: [...SplatBufferNames, ...(fragment.hasCloseUps ? [CloseUpBufferName] : [])],
                shaderLanguage: ShaderLanguage.WGSL,
                needAlphaBlending: fragment.isBlended,
                useClipPlane: false, // not by defines: SetSplatUniforms binds them
            },
        );
        this._hasCloseUps = fragment.hasCloseUps === true;
        this.setDefine(CloseUpDefine, this._hasCloseUps);
        this.setDefine(PlainDefine, fragment.isPlain === true);
        this.alphaMode = Constants.ALPHA_PREMULTIPLIED_PORTERDUFF; // ALPHA_PREMULTIPLIED adds alphas up
        this.backFaceCulling = false;
        this.disableDepthWrite = true;
        this.doNotSerialize = true;
    }

    /** @returns the class name */
    public override getClassName(): string {
        return "FlexAvatarSplatMaterial";
    }

    /** Takes over what a user may set on the material that this one stands in for. @internal */
    public follow(other: ShaderMaterial): void {
        for (let at = 0; at < ClipPlaneKeys.length; at++) {
            const key = ClipPlaneKeys[at];
            this[key] = other[key];
        }
        for (let at = 0; at < DrawnKeys.length; at++) {
            const key = DrawnKeys[at];
            if (this[key] !== other[key]) {
                (this as Record<typeof key, unknown>)[key] = other[key];
            }
        }
        if (this.useLogarithmicDepth !== other.useLogarithmicDepth) {
            this.useLogarithmicDepth = other.useLogarithmicDepth;
        }
        for (let at = 0; at < StencilKeys.length; at++) {
            const key = StencilKeys[at];
            if (this.stencil[key] !== other.stencil[key]) {
                other.stencil.copyTo(this.stencil); // makes objects for each of them
            }
        }
    }

    /** With order-independent transparency it is drawn before all that is peeled; see the mesh. @internal */
    public override needAlphaBlendingForMesh(mesh: AbstractMesh): boolean {
        return !PeelsDepth(this.getScene()) && super.needAlphaBlendingForMesh(mesh);
    }

    /** Drawn after opaque meshes: those that test alpha are. @internal */
    public override needAlphaTestingForMesh(mesh: AbstractMesh): boolean {
        return PeelsDepth(this.getScene()) || super.needAlphaTestingForMesh(mesh);
    }

    /** Takes the scene's image processing into account where no post-process does it. @internal */
    public override isReady(mesh?: AbstractMesh, useInstances?: boolean, subMesh?: SubMesh): boolean {
        this._readImageProcessing();
        this._readShadow(mesh);
        return super.isReady(mesh, useInstances, subMesh);
    }

    /** Binds the buffers of {@link view}. @internal */
    public override bind(world: Matrix, mesh?: Mesh, effectOverride?: Nullable<Effect>, subMesh?: SubMesh): void {
        super.bind(world, mesh, effectOverride, subMesh);
        const effect = effectOverride ?? subMesh?.effect;
        if (this.view && effect) {
            SetSplatUniforms(effect, this.getScene(), mesh, this.view, this);
            const engine = this.getScene().getEngine() as WebGPUEngine;
            const { buffers, ordered } = this.view;
            const own = this._bindingsOf(buffers);
            const shared = this._bindingsOf(ordered);
            for (let i = 0; i < own.length; i++) {
                engine.setStorageBuffer(SplatBufferNames[i], SplatBufferNames[i] === "records" ? own[i] : shared[i]);
            }
            if (this._hasCloseUps) {
                this._bindCloseUps(engine, effect, buffers);
            }
            this.indirectDraw.begin(engine, ordered.drawArgs);
        }
    }

    private _readImageProcessing(): void {
        this.getScene().imageProcessingConfiguration.prepareDefines(Wanted);
        let choice: number = Wanted.TONEMAPPING;
        for (let i = 0; i < ImageProcessingDefines.length; i++) {
            choice = 2 * choice + (Wanted[ImageProcessingDefines[i]] ? 1 : 0);
        }
        if (choice !== this._imageProcessing) {
            this._imageProcessing = choice;
            this.setDefine("TONEMAPPING", String(Wanted.TONEMAPPING));
            for (const name of ImageProcessingDefines) {
                this.setDefine(name, Wanted[name] === true);
            }
        }
    }

    private _readShadow(mesh: AbstractMesh | undefined): void {
        const shadow = ReceivedShadow(this.getScene(), mesh);
        const choice = shadow ? (HasDepthMap(shadow) ? 2 : 1) : 0;
        if (choice !== this._shadow) {
            this._shadow = choice;
            for (let at = 0; at < ShadowDefines.length; at++) {
                this.setDefine(ShadowDefines[at], choice > at);
            }
        }
    }

    /** Babylon binds its own wrappers of GPU buffers; a view's are made once and go with it. */
    private _bindingsOf(view: ViewBuffers): readonly StorageBuffer[] {
        let bindings = this._bindings.get(view);
        if (!bindings) {
            bindings = SplatBufferNames.map((name) => Wrapped(view[name]));
            this._bindings.set(view, bindings);
        }
        return bindings;
    }

    private _bindCloseUps(engine: WebGPUEngine, effect: Effect, view: ViewBuffers): void {
        let records = this._closeUpBindings.get(view);
        if (!records) {
            records = Wrapped(view.closeUps);
            this._closeUpBindings.set(view, records);
        }
        engine.setStorageBuffer(CloseUpBufferName, records);
        const texture = view.closeUpHead!.closeUps.texture!;
        let atlas = this._atlases.get(texture);
        if (!atlas) {
            atlas = WrappedAtlas(engine, texture);
            this._atlases.set(texture, atlas);
        }
        effect.setTexture(CloseUpAtlasName, atlas);
    }
}

function Wrapped(buffer: GPUBuffer): StorageBuffer {
    const wrapper = new WebGPUDataBuffer(buffer, buffer.size);
    return { getBuffer: () => wrapper } as unknown as StorageBuffer; // all that setStorageBuffer asks of it
}

/** A texture array as Babylon binds it. It stays its owner's, so nothing is disposed here. */
function WrappedAtlas(engine: WebGPUEngine, texture: GPUTexture): ThinTexture {
    const internal = engine.wrapWebGPUTexture(texture);
    internal.is2DArray = true;
    internal.depth = texture.depthOrArrayLayers;
    internal.generateMipMaps = true;
    internal.samplingMode = Constants.TEXTURE_TRILINEAR_SAMPLINGMODE;
    (internal._hardwareTexture as unknown as { createView(view: GPUTextureViewDescriptor): void }).createView({
        dimension: "2d-array",
    });
    const atlas = new ThinTexture(internal);
    atlas.wrapU = atlas.wrapV = Constants.TEXTURE_CLAMP_ADDRESSMODE;
    return atlas;
}
