/**
 * The material of an avatar's splats: reads the sorted records of one view and draws premultiplied, depth-tested, not depth-written.
 * The maths is the runtime's (splatQuad.wgsl); here are only Babylon's entry points around it. Which view is drawn is the mesh's business.
 */
import type { StorageBuffer } from "@babylonjs/core/Buffers/storageBuffer";
import { Constants } from "@babylonjs/core/Engines/constants";
import { ShaderStore } from "@babylonjs/core/Engines/shaderStore";
import { ShaderLanguage } from "@babylonjs/core/Materials/shaderLanguage";
import { ShaderMaterial } from "@babylonjs/core/Materials/shaderMaterial";
import type { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine";
import { WebGPUDataBuffer } from "@babylonjs/core/Meshes/WebGPU/webgpuDataBuffer";
import type { Matrix } from "@babylonjs/core/Maths/math.vector";
import type { Mesh } from "@babylonjs/core/Meshes/mesh";
import type { SubMesh } from "@babylonjs/core/Meshes/subMesh";
import type { Effect } from "@babylonjs/core/Materials/effect";
import type { Nullable } from "@babylonjs/core/types";
import type { Scene } from "@babylonjs/core/scene";
import { SplatQuadSource, type ViewBuffers } from "../runtime/passes";
import type { SplatView } from "./splatView";

const ShaderName = "flexAvatarSplat";

/** Storage buffers of the vertex shader. */
const BufferNames = ["records", "order", "drawArgs"] as const;

/**
 * Corners are moved out by this factor, so that snapping them to the raster, which differs between a canvas and a flipped render target, never loses a
 * fragment above the cut.
 */
const CornerReach = 1.01;

// Six vertices per splat in one instance: on software adapters an instance per quad is 5 to 12 times slower.
// The offset from the centre is found from the pixel's position instead of being interpolated: Babylon draws render targets upside down, interpolation
// rounds differently then, and classic and frame-graph pictures would differ by a step here and there.
const VertexSource = `
${SplatQuadSource}
var<storage, read> records: array<SplatRecord>;
var<storage, read> order: array<u32>;
var<storage, read> drawArgs: DrawArgs;
uniform viewportPx: vec4f;
flat varying vCenterPx: vec2f;
flat varying vOffsetFromPx: vec4f;
flat varying vColor: vec4f;
@vertex
fn main(input: VertexInputs) -> FragmentInputs {
    let splat = vertexInputs.vertexIndex / 6u;
    vertexOutputs.position = hiddenCorner().clip;
    if (splat < drawArgs.visibleCount) {
        let record = records[order[splat]];
        let corner = splatCorner(record, vertexInputs.vertexIndex % 6u);
        let pxPerNdc = 0.5 * uniforms.viewportPx.zw;
        let major = pxPerNdc * unpack2x16float(record.axisMajor);
        let minor = pxPerNdc * unpack2x16float(record.axisMinor);
        let area = major.x * minor.y - major.y * minor.x;
        let center = vec4f(record.centerNdc, corner.clip.zw);
        vertexOutputs.position = center + ${CornerReach} * (corner.clip - center);
        vertexOutputs.vCenterPx = uniforms.viewportPx.xy + pxPerNdc * (record.centerNdc + 1.0);
        vertexOutputs.vOffsetFromPx = vec4f(minor.y, -minor.x, -major.y, major.x) / area;
        vertexOutputs.vColor = corner.color;
    }
}
`;

const FragmentSource = `
${SplatQuadSource}
uniform visibility: f32;
flat varying vCenterPx: vec2f;
flat varying vOffsetFromPx: vec4f;
flat varying vColor: vec4f;
@fragment
fn main(input: FragmentInputs) -> FragmentOutputs {
    let fromCenterPx = fragmentInputs.position.xy - fragmentInputs.vCenterPx;
    let offset = vec2f(dot(fragmentInputs.vOffsetFromPx.xy, fromCenterPx), dot(fragmentInputs.vOffsetFromPx.zw, fromCenterPx));
    let color = splatColor(offset, fragmentInputs.vColor);
    if (color.a == 0.0) {
        discard;
    }
    fragmentOutputs.color = uniforms.visibility * color;
}
`;

/** Made by `FlexAvatarSplatMesh`. */
export class FlexAvatarSplatMaterial extends ShaderMaterial {
    /** What the next bind draws; borrowed. The mesh sets it for each view it renders. */
    public view: SplatView | null = null;
    private readonly _bindings = new WeakMap<ViewBuffers, readonly StorageBuffer[]>();

    /**
     * @param name name in the scene
     * @param scene a scene on a WebGPUEngine
     */
    public constructor(name: string, scene: Scene) {
        // The store is Babylon's registry of shader texts; writing the same text again changes nothing.
        ShaderStore.ShadersStoreWGSL[`${ShaderName}VertexShader`] = VertexSource;
        ShaderStore.ShadersStoreWGSL[`${ShaderName}PixelShader`] = FragmentSource;
        super(
            name,
            scene,
            { vertex: ShaderName, fragment: ShaderName },
            {
                attributes: [],
                uniforms: ["viewportPx", "visibility"],
                storageBuffers: [...BufferNames],
                shaderLanguage: ShaderLanguage.WGSL,
                needAlphaBlending: true,
                useClipPlane: false,
            },
        );
        this.alphaMode = Constants.ALPHA_PREMULTIPLIED;
        this.backFaceCulling = false;
        this.disableDepthWrite = true;
        this.doNotSerialize = true;
    }

    /** @returns the class name */
    public override getClassName(): string {
        return "FlexAvatarSplatMaterial";
    }

    /** Binds the buffers of {@link view}. @internal */
    public override bind(world: Matrix, mesh?: Mesh, effectOverride?: Nullable<Effect>, subMesh?: SubMesh): void {
        super.bind(world, mesh, effectOverride, subMesh);
        const effect = effectOverride ?? subMesh?.effect;
        if (this.view && effect) {
            const engine = this.getScene().getEngine() as WebGPUEngine;
            const { settings, viewportXPx, viewportYPx, buffers } = this.view;
            effect.setFloat4("viewportPx", viewportXPx, viewportYPx, settings.viewportWidthPx, settings.viewportHeightPx);
            effect.setFloat("visibility", mesh?.visibility ?? 1);
            const bindings = this._bindingsOf(buffers);
            for (let i = 0; i < bindings.length; i++) {
                engine.setStorageBuffer(BufferNames[i], bindings[i]);
            }
        }
    }

    /** Babylon binds its own wrappers of GPU buffers; a view's are made once and go with it. */
    private _bindingsOf(view: ViewBuffers): readonly StorageBuffer[] {
        let bindings = this._bindings.get(view);
        if (!bindings) {
            bindings = BufferNames.map((name) => {
                const wrapper = new WebGPUDataBuffer(view[name], view[name].size);
                return { getBuffer: () => wrapper } as unknown as StorageBuffer; // all that setStorageBuffer asks of it
            });
            this._bindings.set(view, bindings);
        }
        return bindings;
    }
}
