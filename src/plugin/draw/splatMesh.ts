/**
 * What is drawn of all avatars of a rendering group and layer mask: an ordinary transparent mesh whose triangles the
 * vertex shader pulls from the sorted records of the view being rendered. One mesh for all of them, so that they are
 * sorted among themselves and interlock correctly. It asks for projection and sort where Babylon renders it, because
 * only there the view is known for certain: any camera, eye, render target, mirror or frame-graph task comes through
 * `render`. The work goes into a command buffer of its own, submitted before Babylon submits the frame.
 */
import type { Camera } from "@babylonjs/core/Cameras/camera.js";
import { Constants } from "@babylonjs/core/Engines/constants.js";
import type { WebGPUEngine } from "@babylonjs/core/Engines/webgpuEngine.js";
import type { BaseTexture } from "@babylonjs/core/Materials/Textures/baseTexture.js";
import type { Effect } from "@babylonjs/core/Materials/effect.js";
import type { Material } from "@babylonjs/core/Materials/material.js";
import type { Matrix } from "@babylonjs/core/Maths/math.vector.js";
import { Vector3 } from "@babylonjs/core/Maths/math.vector.js";
import type { Plane } from "@babylonjs/core/Maths/math.plane.js";
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh.js";
import { Geometry } from "@babylonjs/core/Meshes/geometry.js";
import { Mesh } from "@babylonjs/core/Meshes/mesh.js";
import { SubMesh } from "@babylonjs/core/Meshes/subMesh.js";
import type { Observer } from "@babylonjs/core/Misc/observable.js";
import type { Scene } from "@babylonjs/core/scene.js";
import type { ViewBuffers } from "../../runtime/passes/index.js";
import { DepthMaps } from "./depthMaps.js";
import { FlexAvatarCoverMaterial, type ICover } from "./coverMaterial.js";
import { EffectLayers } from "./effectLayers.js";
import { FlexAvatarLayerMaterial, LeastLayerAlpha } from "./layerMaterial.js";
import { BoxAroundToRef, BoxIsInFrustum } from "./memberBounds.js";
import {
    DetailedSplat,
    FlexAvatarSplatMaterial,
    PeelsDepth,
    PlainDetailedSplat,
    PlainSplat,
    type ISplatFragment,
} from "./splatMaterial.js";
import { IsPlain } from "./splatUniforms.js";
import { IsShown, type ISplatMember, type SplatView } from "./splatView.js";
import { SplatViews } from "./splatViews.js";

const VerticesPerSplat = 3;
/** What Babylon renders a mesh with. */
type Rendered = Parameters<Mesh["_processRendering"]>;

/** Draws without color that go with that of the colors. */
const Covers = {
    stencil: { leastAlpha: LeastLayerAlpha, isMasked: false },
    highlight: { leastAlpha: LeastLayerAlpha, isMasked: true },
} as const satisfies Record<string, ICover>;

/** What draws in the place of the mesh's material, where there is detail for close-ups and where that is all. */
const StandIns = {
    plain: PlainSplat,
    detailed: DetailedSplat,
    plainDetailed: PlainDetailedSplat,
} as const satisfies Record<string, ISplatFragment>;

const Minimum = new Vector3(); // scratch of _updateBounds
const Maximum = new Vector3(); // scratch of _updateBounds

/** Made and disposed by `SplatCrowds`. Its axes are the world's; avatars stand where their nodes are. */
export class FlexAvatarSplatMesh extends Mesh {
    private _isRendering = false;
    private readonly _views: SplatViews;
    private readonly _splatMaterial: FlexAvatarSplatMaterial;
    /** Each is made when first needed. */
    private readonly _standIns: Partial<Record<keyof typeof StandIns, FlexAvatarSplatMaterial>> = {};
    /** The one in use while an ordinary view is drawn. */
    private _drawnStandIn: FlexAvatarSplatMaterial | null = null;
    private readonly _depthMaps: DepthMaps;
    private readonly _effectLayers: EffectLayers;
    private readonly _covers: Partial<Record<keyof typeof Covers, FlexAvatarCoverMaterial>> = {};
    /** Whose draw is under way, if it is not that of the render pass. */
    private _drawn: FlexAvatarSplatMaterial | null = null;
    private readonly _onBeforeDrawPhase: Observer<Scene> | null;

    /**
     * @param name name in the scene
     * @param scene a scene on a WebGPUEngine
     * @param _members what it draws where that is enabled and visible; borrowed: {@link refreshMembers} tells of changes
     */
    public constructor(
        name: string,
        scene: Scene,
        private readonly _members: readonly ISplatMember[],
    ) {
        super(name, scene);
        this._views = new SplatViews(scene, _members);
        // No vertex data at all: the shader needs the vertex index only.
        new Geometry(`${name}.geometry`, scene, undefined, false, this, 0);
        this.isUnIndexed = true;
        this.releaseSubMeshes();
        new SubMesh(0, 0, 0, 0, 0, this, undefined, false);
        this._splatMaterial = new FlexAvatarSplatMaterial(`${name}.material`, scene);
        this.material = this._splatMaterial;
        this._depthMaps = new DepthMaps(this);
        this._effectLayers = new EffectLayers(this);
        this.isPickable = false; // the avatars' proxy meshes are
        this.doNotSerialize = true;
        this._onBeforeDrawPhase = scene.onBeforeDrawPhaseObservable.add(() => this._prepareSnapshot());
    }

    /** @returns the class name */
    public override getClassName(): string {
        return "FlexAvatarSplatMesh";
    }

    /** Views (camera and render pass) that hold buffers. */
    public get viewCount(): number {
        return this._views.count;
    }

    /** Bytes of GPU memory that the views hold. */
    public get viewByteLength(): number {
        return this._views.byteLength;
    }

    /** Three per Gaussian that views have room for. How many are drawn the GPU decides. */
    public override getTotalVertices(): number {
        return VerticesPerSplat * (this._views?.room ?? 0); // Babylon's constructor calls too
    }

    /**
     * Frees all views, which are made again at the size that is needed when they are rendered. For members that came,
     * went, or lost their device.
     */
    public refreshMembers(): void {
        if (this.isDisposed()) {
            return; // a scene disposes its meshes before avatars
        }
        this._views.release();
        this.subMeshes[0].verticesCount = this.getTotalVertices();
        this._updateBounds();
    }

    /** The box follows the avatars. */
    public override computeWorldMatrix(force?: boolean, camera?: Camera | null): Matrix {
        const world = super.computeWorldMatrix(force, camera);
        if (this._members) {
            this._updateBounds(); // Babylon's constructor calls too, when there are none
        }
        return world;
    }

    /** Whether any avatar may be in a frustum: tested one by one, since a crowd's common box is mostly empty. */
    public override isInFrustum(planes: Plane[]): boolean {
        for (let at = 0; at < this._members.length; at++) {
            if (IsShown(this._members[at]) && BoxIsInFrustum(this._members[at], planes)) {
                return true;
            }
        }
        return false;
    }

    /** Prepares the view that Babylon renders now, then draws it. @internal */
    public override render(subMesh: SubMesh, enableAlphaMode: boolean, effectiveMeshReplacement?: AbstractMesh): Mesh {
        const camera = this.getScene().activeCamera;
        if (!camera || !this._members.some(IsShown)) {
            return this;
        }
        const view = this._views.prepare(camera);
        this._drawnStandIn = this._materialOfPass() ? null : this._standInFor(view);
        (this._materialOfPass() ?? this._splatMaterial).view = view;
        const engine = this.getEngine() as WebGPUEngine;
        // Faint rims must not take part in the stencil: a layer's glow would end, or begin, where nothing is seen.
        const marksStencil =
            engine.getStencilBuffer() && !this._splatMaterial.stencil.enabled && this._effectLayers.marksStencil();
        if (marksStencil) {
            engine.setStencilBuffer(false);
        }
        this._isRendering = true;
        super.render(subMesh, enableAlphaMode || PeelsDepth(this.getScene()), effectiveMeshReplacement);
        if (marksStencil) {
            engine.setStencilBuffer(true);
            this._markStencil(subMesh, view);
        }
        this._isRendering = false;
        this._drawnStandIn = null;
        return this;
    }

    /** While an ordinary view is drawn, what draws it. @internal */
    public override getMaterialForRenderPass(renderPassId: number): Material | undefined {
        return super.getMaterialForRenderPass(renderPassId) ?? this._drawnStandIn ?? undefined;
    }

    /** Whether what is drawn now is compiled. */
    public override isReady(completeCheck?: boolean, forceInstanceSupport?: boolean): boolean {
        const views = this._views?.all ?? []; // Babylon's constructor calls too
        for (let at = 0; at < views.length; at++) {
            if (!this._isStandInReady(views[at].buffers)) {
                return false;
            }
        }
        if (views.length === 0 && this._splatMaterial && !this._isStandInReady(null)) {
            return false; // the first view will want it
        }
        return super.isReady(completeCheck, forceInstanceSupport);
    }

    /** What draws a view in the place of the material, or null where that draws itself, and until it is compiled. */
    private _standInFor(view: SplatView): FlexAvatarSplatMaterial | null {
        const kind = this._standInKind(view.buffers);
        if (!kind || this.material !== this._splatMaterial) {
            return null;
        }
        const material = this._standIn(kind);
        material.follow(this._splatMaterial);
        return material.isReady(this, false) ? material : null;
    }

    private _isStandInReady(buffers: ViewBuffers | null): boolean {
        const kind = this._standInKind(buffers);
        return !kind || this._standIn(kind).isReady(this, false);
    }

    /** @param buffers of a view; null for one that is still to come */
    private _standInKind(buffers: ViewBuffers | null): keyof typeof StandIns | null {
        const isDetailed = !!buffers?.closeUpHead;
        const isPlain = IsPlain(this.getScene(), this, this._splatMaterial);
        return isDetailed ? (isPlain ? "plainDetailed" : "detailed") : isPlain ? "plain" : null;
    }

    private _standIn(kind: keyof typeof StandIns): FlexAvatarSplatMaterial {
        return (this._standIns[kind] ??= new FlexAvatarSplatMaterial(
            `${this.name}.${kind}`,
            this.getScene(),
            StandIns[kind],
        ));
    }

    /**
     * Takes the splats' pixels from the highlighted meshes behind them, and gives those of highlighted avatars to their
     * layers.
     */
    private _markStencil(subMesh: SubMesh, view: SplatView): void {
        const engine = this.getEngine();
        const reference = engine.getStencilFunctionReference();
        engine.setStencilFunctionReference(0);
        this._cover(subMesh, view, "stencil");
        this._effectLayers.forEachHighlight(this._members, (mask, stencil) => {
            engine.setStencilFunctionReference(stencil);
            this._cover(subMesh, view, "highlight", mask);
        });
        engine.setStencilFunctionReference(reference);
    }

    /**
     * Draws once more, without color. Not through Babylon's `render`: what observes it, as layers do, would set another
     * stencil.
     */
    private _cover(
        subMesh: SubMesh,
        view: SplatView,
        kind: keyof typeof Covers,
        mask: BaseTexture | null = null,
    ): void {
        const material = (this._covers[kind] ??= new FlexAvatarCoverMaterial(
            `${this.name}.${kind}`,
            this.getScene(),
            Covers[kind],
        ));
        if (!material.isReady(this, false)) {
            return;
        }
        const wrapper = material._getDrawWrapper();
        const { effect } = wrapper;
        if (!effect) {
            return;
        }
        material.view = view;
        material.mask = mask;
        const batch = this._getInstancesRenderList(subMesh._id);
        material._preBind(wrapper, this._getDrawSideOrientation(material, this));
        this._bind(subMesh, effect, material.fillMode, false);
        material.bind(this.getWorldMatrix(), this, effect);
        this._drawn = material;
        this._processRendering(this, subMesh, effect, material.fillMode, batch, false, undefined as never, material);
        this._drawn = null;
        material.unbind();
    }

    /**
     * Only {@link render}, depth renderers and effect layers draw splats. What draws meshes by their vertex buffers
     * instead, as shadow maps do, gets nothing.
     * @internal
     */
    public override _getInstancesRenderList(
        subMeshId: number,
        isReplacementMode?: boolean,
    ): ReturnType<Mesh["_getInstancesRenderList"]> {
        const batch = super._getInstancesRenderList(subMeshId, isReplacementMode);
        return this._isRendering || this._preparePass() ? batch : { ...batch, mustReturn: true };
    }

    /** Always triangles: there are no vertices of which lines or points could be drawn. @internal */
    public override _getRenderingFillMode(): number {
        return Constants.MATERIAL_TriangleFillMode;
    }

    /**
     * Draws, by what a material's bind has begun. Other effects, as those of outlines and overlays, find no vertices
     * and draw nothing. @internal
     */
    public override _processRendering(
        renderingMesh: AbstractMesh,
        subMesh: SubMesh,
        effect: Effect,
        fillMode: number,
        batch: Rendered[4],
        hardwareInstancedRendering: boolean,
        onBeforeDraw: Rendered[6],
        effectiveMaterial?: Material,
    ): Mesh {
        const engine = this.getEngine() as WebGPUEngine;
        const material = this._drawn ?? this._materialOfPass() ?? this._splatMaterial;
        if (!material.indirectDraw.hasBegun) {
            return this;
        }
        const alphaMode = engine.getAlphaMode();
        const isLayer = material instanceof FlexAvatarLayerMaterial;
        if (isLayer) {
            engine.setAlphaMode(material.maskAlphaMode, true);
        }
        super._processRendering(
            renderingMesh,
            subMesh,
            effect,
            fillMode,
            batch,
            hardwareInstancedRendering,
            onBeforeDraw,
            effectiveMaterial,
        );
        if (isLayer) {
            engine.setAlphaMode(alphaMode, true);
        }
        material.indirectDraw.end();
        return this;
    }

    /** Frees the buffers of all views, the material and the geometry. */
    public override dispose(doNotRecurse?: boolean): void {
        if (this.isDisposed()) {
            return;
        }
        this._onBeforeDrawPhase?.remove();
        this._depthMaps.dispose();
        this._effectLayers.dispose();
        this._views.dispose();
        super.dispose(doNotRecurse, false);
        this._splatMaterial.dispose();
        Object.values(this._standIns).forEach((material) => material.dispose());
        Object.values(this._covers).forEach((material) => material.dispose());
    }

    /**
     * Fast snapshot rendering replays draws without asking meshes; the records that they read must follow all the same.
     */
    private _prepareSnapshot(): void {
        const engine = this.getEngine() as WebGPUEngine;
        const camera = this.getScene().activeCamera;
        if (engine.snapshotRendering && engine.snapshotRenderingMode === Constants.SNAPSHOTRENDERING_FAST && camera) {
            if (this._views.has(camera) && this._members.some(({ splats }) => splats)) {
                this._views.prepare(camera);
            }
        }
    }

    /** What a depth renderer or an effect layer draws splats with, or null in any other render pass. */
    private _materialOfPass(): FlexAvatarSplatMaterial | null {
        const material = this.getMaterialForRenderPass((this.getEngine() as WebGPUEngine).currentRenderPassId);
        return material instanceof FlexAvatarSplatMaterial ? material : null;
    }

    /** @returns whether a depth renderer or an effect layer is drawing and there is something for it */
    private _preparePass(): boolean {
        const camera = this.getScene().activeCamera;
        const material = this._materialOfPass();
        if (!material || !camera || !this._members.some(IsShown)) {
            return false;
        }
        material.view = this._views.prepare(camera);
        return true;
    }

    /** The box in which Babylon sorts transparent meshes. Allocates nothing. */
    private _updateBounds(): void {
        BoxAroundToRef(this._members, Minimum, Maximum);
        this.getBoundingInfo().reConstruct(Minimum, Maximum, this.worldMatrixFromCache);
    }
}
