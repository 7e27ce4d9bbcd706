/**
 * The avatar node: all that a user reads and calls. Its inside is in files of their own: avatarCore.ts makes the parts and
 * takes them through frames, avatarPose.ts has the pose, and avatarInternals.ts says what component and files may ask of it.
 */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup.js";
import type { Bone } from "@babylonjs/core/Bones/bone.js";
import type { PickingInfo } from "@babylonjs/core/Collisions/pickingInfo.js";
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh.js";
import type { GaussianSplattingMesh } from "@babylonjs/core/Meshes/GaussianSplatting/gaussianSplattingMesh.js";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import { Observable } from "@babylonjs/core/Misc/observable.js";
import type { Node } from "@babylonjs/core/node.js";
import type { Scene } from "@babylonjs/core/scene.js";
import type { Nullable } from "@babylonjs/core/types.js";
import type { IAvatarDescription } from "../../runtime/format/avatarFile.js";
import type { IMeshSettings } from "../../runtime/mesh/meshFile.js";
import type { PhotoSource } from "../../runtime/photo/decode.js";
import type { IBindAnimationSettings } from "../animation/bindAnimationGroup.js";
import type { ExpressionTracks } from "../animation/expressionTracks.js";
import { AddInspectorSliders } from "../animation/inspectorSliders.js";
import type { NodeName } from "../animation/jointNames.js";
import type { CharacterAttachment, ICharacterSettings } from "../attach/characterAttachment.js";
import type { IPickedRegion } from "../attach/regions.js";
import type { ISurfaceSettings } from "../attach/surfaceNodes.js";
import type { SurfaceTarget } from "../attach/surfacePlaces.js";
import type { IFaceSource } from "../live/faceSource.js";
import type { ISourceHandle, ISourceSettings } from "../live/sourceHandle.js";
import type { LevelOfDetail } from "../draw/levelOfDetail.js";
import type { FlexAvatarProxyMesh } from "../draw/proxyMesh.js";
import type { FlexAvatarSplatMesh } from "../draw/splatMesh.js";
import type { ISaveSettings, SplatFormat } from "../files/avatarExport.js";
import type { BustOption, HairOption } from "../page/avatarPage.js";
import type { IHairSpringSettings } from "../page/hairSpring.js";
import type { IRefineProgress, IRefineSettings } from "../../runtime/person/refineSettings.js";
import { AvatarCore } from "./avatarCore.js";
import type { AvatarEvaluator, IEvaluatorCounts } from "../../runtime/driver/avatarEvaluator.js";
import type { IMakeSettings } from "./avatarFactory.js";
import type { IAvatarInternals, IAvatarParts, IShownParts } from "./avatarInternals.js";
import { ThrowIfDisposed } from "./throwIfDisposed.js";

const NoCounts: IEvaluatorCounts = Object.freeze({ driverRuns: 0, driverMs: 0 });

/** Makes an avatar of the same person from another evaluator, which it owns from then on. */
export type InstantiateAvatar = (evaluator: AvatarEvaluator | null, name: string, shown: IShownParts) => FlexAvatar;

/**
 * A 3D Gaussian head in a Babylon scene.
 * The node's origin is the middle of the head, about 2 cm below the eyes' height; +Y is up and the face looks along +Z,
 * in left-handed and right-handed scenes alike, as characters loaded from glTF files do. One unit is one meter.
 * @example
 * avatar.position.y = 1.6;
 * avatar.expression.getTrack("jawOpen").influence = 0.4;
 * avatar.neck.rotation.y = 0.3;
 */
export class FlexAvatar extends TransformNode {
    /** The sliders of the face, by ARKit's names. */
    public readonly expression: ExpressionTracks;
    /**
     * Turns head and neck about the base of the neck. Its axes are the avatar's own: +Y up, +Z out of the face, so
     * `rotation.y` turns as the avatar's does and `lookAt` points the face at its target. It is yours, with or without
     * a clip: clips turn {@link clipJoints}, and both multiply. What expressions do is added. The same goes for the
     * next three.
     */
    public readonly neck: TransformNode;
    /** Turns the lower jaw; a positive `rotation.x` opens the mouth. */
    public readonly jaw: TransformNode;
    /** Turns the head's own left eye. */
    public readonly leftEye: TransformNode;
    /** Turns the head's own right eye. */
    public readonly rightEye: TransformNode;
    /**
     * Moves the whole person from the chest, head and shoulders and what hangs on them: `rotation` bends about the
     * middle of the chest, `position` lifts as breathing does. Its axes and its origin are the avatar's own.
     */
    public readonly torso: TransformNode;
    /**
     * What bound clips turn: nodes above {@link neck}, {@link jaw}, the eyes and {@link torso}. They keep their last
     * pose when a clip ends; see {@link resetPose}.
     */
    public readonly clipJoints: Readonly<Record<NodeName, TransformNode>>;
    /** The posed head surface, unseen by cameras: what rays and GPU pickers hit, and what casts shadows. */
    public readonly proxyMesh: FlexAvatarProxyMesh;
    /** Notified once, when the first picture of the avatar can be drawn. */
    public readonly onReadyObservable = new Observable<FlexAvatar>();
    /** Notified as this person's refinement goes on: stage, share done, seconds left. */
    public readonly onRefineProgressObservable = new Observable<IRefineProgress>();
    /** Notified when the avatar is disposed, before anything is freed. */
    public readonly onAvatarDisposeObservable = new Observable<FlexAvatar>();

    /** Which level of detail views draw. Default: the component's option, "auto". */
    public levelOfDetail: LevelOfDetail;

    /**
     * Whether Gaussians on the far side of the head are left out, which saves up to half of the work. Default "auto":
     * where the avatar is opaque and the scene has no clip plane, so that they cannot be seen. Set false for a camera
     * inside the head.
     */
    public cullBackFaces: "auto" | boolean = "auto";

    /**
     * Whether Gaussians behind this avatar's head, of this avatar and of others, are left out. Default "auto": where
     * the avatar is opaque and the scene has no clip plane, so that they cannot be seen. It never happens in stereo,
     * where one eye sees what the other does not, and where the head is small.
     */
    public cullHidden: "auto" | boolean = "auto";

    private readonly _core: AvatarCore;
    private _visibility = 1;

    /** @internal Avatars are made by the component. */
    public constructor(
        name: string,
        scene: Scene,
        parts: IAvatarParts,
        private readonly _instantiate: InstantiateAvatar,
    ) {
        super(name, scene);
        this.doNotSerialize = true;
        this.levelOfDetail = parts.levelOfDetail;
        const core = (this._core = new AvatarCore(this, parts, () => this.onReadyObservable.notifyObservers(this)));
        this.expression = core.pose.expression;
        AddInspectorSliders(this, this.expression);
        const { joints, clipJoints } = core.pose.joints;
        ({
            torso: this.torso,
            neck: this.neck,
            jaw: this.jaw,
            leftEye: this.leftEye,
            rightEye: this.rightEye,
        } = joints);
        this.clipJoints = clipJoints;
        this.proxyMesh = core.proxyMesh;
    }

    /** What component and files may ask of it. @internal */
    public get _internals(): IAvatarInternals {
        return this._core;
    }

    /** @returns the class name */
    public override getClassName(): string {
        return "FlexAvatar";
    }

    /** Number of Gaussians, those of long hair and bust included while they are shown; 0 for a mesh ({@link isMesh}). */
    public get gaussianCount(): number {
        return this._core.gaussianCount + (this._core.secondPage?.gaussianCount ?? 0);
    }

    /** Whether the person has a second map: hair beyond the scalp, or a bust. */
    public get hasSecondMap(): boolean {
        return this._core.hairAndBust.hasMap;
    }

    /**
     * Whether the bust is shown: `"auto"` where the person has one and the head is on no character, `"none"` never.
     * Default "auto".
     */
    public get bust(): BustOption {
        return this._core.hairAndBust.bust;
    }

    public set bust(value: BustOption) {
        this._core.hairAndBust.bust = value;
    }

    /**
     * Whether hair beyond the scalp is shown: `"auto"` where the person has it, `"scalp"` what the head itself carries.
     * Default "auto".
     */
    public get hair(): HairOption {
        return this._core.hairAndBust.hair;
    }

    public set hair(value: HairOption) {
        this._core.hairAndBust.hair = value;
    }

    /**
     * Whether hair beyond the scalp lags behind head and body and swings until it settles, and how fast. It takes any
     * frame rate, costs a few numbers per avatar and frame, and stops with the scene's animations. Default null: hair
     * is still, and nothing is computed.
     * @example avatar.hairSpring = {}; // with default settings
     */
    public get hairSpring(): Readonly<Required<IHairSpringSettings>> | null {
        return this._core.pose.hairSpring;
    }

    public set hairSpring(settings: IHairSpringSettings | null) {
        this._core.setHairSpring(settings);
    }

    /**
     * Gives the person hair beyond the scalp and a bust, for all its avatars: a map of the head model's second page,
     * which is loaded now if it was not before. It replaces an earlier one, and stops the filling under way.
     * @param map [14,H,W] before activation, of the page's size, in the channel order of docs/conventions.md; copied.
     * Null takes it away
     * @param settings cancelling and progress
     * @throws FlexAvatarError `invalid-argument` if it has another size or holds what is no number, `models-mismatch`
     * if the models have no second page, `aborted`, `disposed` and those of loading models; the person then keeps what
     * it has
     */
    public async setSecondMapAsync(map: Float32Array | null, settings: IMakeSettings = {}): Promise<void> {
        await this._core.hairAndBust.setMapAsync(map, settings);
    }

    /**
     * What draws this avatar, and all others of its rendering group and layer mask: a transparent mesh like any other.
     * What you set on it goes for all of them; {@link visibility}, {@link renderingGroupId} and {@link layerMask} of
     * the avatar go for this one.
     * @throws FlexAvatarError `webgpu-missing` on an engine without WebGPU ({@link isMesh})
     */
    public get splatMesh(): FlexAvatarSplatMesh {
        return this._core.drawing.splatMesh;
    }

    /**
     * Whether the avatar is drawn as a textured mesh with Babylon's morph targets and skeletons, because the engine has
     * no WebGPU: without the driver's detail and without levels of detail. All that moves a face does so there too.
     */
    public get isMesh(): boolean {
        return this._core.parts.body !== null;
    }

    /** How opaque the avatar is, 0..1. Default 1. */
    public get visibility(): number {
        return this._visibility;
    }

    public set visibility(value: number) {
        this._visibility = Math.min(1, Math.max(0, value));
    }

    /** As of a mesh: groups are drawn one after the other. Default 0. */
    public get renderingGroupId(): number {
        return this._core.drawing.renderingGroupId;
    }

    public set renderingGroupId(value: number) {
        this._core.drawing.move(value, this.layerMask);
    }

    /** As of a mesh: cameras whose mask has no bit in common do not see the avatar. Default 0x0fffffff. */
    public get layerMask(): number {
        return this._core.drawing.layerMask;
    }

    public set layerMask(value: number) {
        this._core.drawing.move(this.renderingGroupId, value);
    }

    /** Bytes of GPU memory that this avatar holds besides views; what instances share is divided among them. */
    public get gpuByteLength(): number {
        return (this._core.splats?.byteLength ?? 0) + (this._core.secondPage?.byteLength ?? 0);
    }

    /** What is known about the person and its origin. */
    public get description(): Readonly<IAvatarDescription> {
        return this._core.parts.file;
    }

    /** Compute dispatches, driver runs and the time of the last one. */
    public get counts(): Readonly<IEvaluatorCounts> {
        return this._core.splats?.counts ?? NoCounts;
    }

    /**
     * Makes a clip play on this avatar: a new group whose targets are the tracks and joint nodes.
     * Bind it before the clip's own character has moved away from its rest pose, or while the clip plays.
     * @param group clip of any mesh with ARKit-named morph targets, for example from a glTF file; stays as it is
     * @param settings aliases for names, and what to do about names that fit no track (default: a notice of the
     * component)
     * @returns the new group; the avatar disposes it with itself, dispose it earlier if you like
     * @throws FlexAvatarError `clip-empty`
     */
    public bindAnimationGroup(group: AnimationGroup, settings: IBindAnimationSettings = {}): AnimationGroup {
        return this._core.clips.bind(group, settings, this._core.hairAndBust.showsBust);
    }

    /**
     * Lets a source drive the face: a voice, a camera, a stream, idle life. All sources of an avatar are mixed in every
     * frame with its clips and sliders: first clips and sliders, then sources by priority, each by its weight and
     * mask, then additive ones; then weights are clamped (docs/live.md). Tracks keep what clips and you have written.
     * Sources stand still while the scene's animations are off.
     * @param source borrowed: it stays yours when it is removed or the avatar is disposed
     * @param settings weight, mask, priority
     * @returns the handle: weight, fades, end
     * @throws FlexAvatarError `invalid-argument`, `disposed`
     */
    public addSource(source: IFaceSource, settings: ISourceSettings = {}): ISourceHandle {
        ThrowIfDisposed(this);
        return this._core.faceMixer.add(source, settings);
    }

    /** The sources on this avatar, in the order in which they are mixed. */
    public get sources(): readonly ISourceHandle[] {
        return this._core.pose.mixer?.handles ?? [];
    }

    /**
     * Puts the face and all joints to rest: tracks at 0, no turn left by you or by a clip. A clip that plays writes
     * again in the next frame.
     */
    public resetPose(): void {
        this._core.pose.reset();
    }

    /**
     * Makes a node that rides on this person's skin, through expressions, jaw and head turns. Hang hats, glasses and
     * stickers on it.
     * @param target a named landmark, the number of a MediaPipe landmark, or a point of the atlas, for example from
     * {@link regionOf}; with `page: 2` one of long hair or bust, which stays where it was if that is replaced or taken
     * away
     * @param settings name and axes
     * @returns the node, a child of the avatar's torso and disposed with it; dispose it earlier if you like
     * @throws FlexAvatarError `invalid-argument` if the head has no such place
     */
    public attachToSurface(target: SurfaceTarget, settings: ISurfaceSettings = {}): TransformNode {
        ThrowIfDisposed(this);
        return this._core.attachments.toSurface(target, settings);
    }

    /**
     * Puts the head on a rigged mesh character: it follows the bone, its neck twists with it, and by default the
     * character's own head is taken off. The avatar's own position, rotation and scaling are written from then on; its
     * neck, jaw and eyes stay yours. A bust is hidden, hair stays. Attach it once per character; another call takes it
     * off the first one.
     * @param mesh the character's skinned mesh, or a parent of its meshes, with data in its bind pose and +Y up
     * @param boneOrNode the head's bone, its name, or its node; or any node, which the head then follows stiffly
     * @param settings fit, feather, own head
     * @returns the tie; dispose it to take the head off
     * @throws FlexAvatarError `invalid-argument` if there is no such bone
     */
    public attachToCharacter(
        mesh: AbstractMesh,
        boneOrNode: Bone | TransformNode | string,
        settings: ICharacterSettings = {},
    ): CharacterAttachment {
        ThrowIfDisposed(this);
        return this._core.attachments.toCharacter(mesh, boneOrNode, settings);
    }

    /**
     * The part of this face that a pick has hit, and where in the atlas.
     * @param info what `scene.pick` returned
     * @returns null if the pick did not hit this avatar
     */
    public regionOf(info: PickingInfo): IPickedRegion | null {
        return this._core.attachments.regionOf(info);
    }

    /**
     * Makes another avatar of the same person, with its own place, expression and pose. Both share the maps and the
     * driver network, so an instance costs less than 2 MB of GPU memory; either may be disposed first.
     * @param name name of the new node
     * @returns the instance, in the scene; its fine detail comes with its first driver run ({@link whenReadyAsync})
     * @throws FlexAvatarError `disposed`, also while the device is lost; `too-many-avatars`
     */
    public createInstance(name: string): FlexAvatar {
        const { bust, hair, hairSpring } = this;
        return this._instantiate(this._core.createEvaluator(), name, { bust, hair, hairSpring });
    }

    /**
     * An instance at the same place, {@link createInstance}; it starts with a face at rest.
     * `AssetContainer.instantiateModelsToScene` uses it.
     * @param name name of the new node
     * @param newParent its parent; default: this avatar's
     */
    public override clone(name: string, newParent: Nullable<Node> = null): FlexAvatar {
        const instance = this.createInstance(name);
        instance.parent = newParent ?? this.parent;
        instance.position.copyFrom(this.position);
        instance.rotation.copyFrom(this.rotation);
        instance.rotationQuaternion = this.rotationQuaternion?.clone() ?? null;
        instance.scaling.copyFrom(this.scaling);
        this._core.latestClone = instance._core;
        return instance;
    }

    /**
     * A frozen copy as Babylon's own splat mesh: this expression and pose with the driver's detail, placed as the
     * avatar is. The driver runs once more for it.
     * @param name name of the mesh
     * @returns the mesh, the caller's; the avatar goes on independently
     */
    public async toGaussianSplattingMeshAsync(name = `${this.name} splats`): Promise<GaussianSplattingMesh> {
        return await this._core.freezeAsync(name);
    }

    /** Groups of the scene that drive nothing but this avatar: bound clips, their clones, and your own. */
    public get clips(): readonly AnimationGroup[] {
        return this._core.clips.all;
    }

    /**
     * Waits until the very expression and pose set now can be drawn without delay. For offline capture; a render loop
     * does not need it: there the head follows at once and the driver's fine detail one run later.
     */
    public async evaluateAsync(): Promise<void> {
        await this._core.evaluateAsync();
    }

    /** Waits until the avatar can be drawn: shaders compiled, first driver run arrived. */
    public async whenReadyAsync(): Promise<void> {
        await this._core.whenReadyAsync();
    }

    /** Whether the photos' own detail was added to this person. */
    public get isRefined(): boolean {
        return this._core.refinement.isDone;
    }

    /** Whether a refinement of this person is under way, the filling of hair and bust included. */
    public get isRefining(): boolean {
        return this._core.refinement.isRunning;
    }

    /**
     * How much of the photos' detail is shown, 0..1, on all avatars of the person. Default 1; 0 shows the avatar as the
     * networks made it.
     */
    public get detailStrength(): number {
        return this._core.parts.person.strength;
    }

    public set detailStrength(value: number) {
        this._core.parts.person.strength = value;
    }

    /**
     * Adds the photos' own detail to the colors of this person and all its instances, beside the page. Expressions stay
     * as they are: neither shape nor driver change. Then hair beyond the scalp and the bust are filled anew, unless the
     * settings say no. A new call stops the running one, and replaces what an earlier one has found.
     * @param photos one to four of this person: those that the avatar was made of, or more and other ones
     * @returns when all is there and begins to fade in
     * @throws FlexAvatarError `photo-count` and the other codes of photos, `refine-failed` if they show too little of
     * the face, `fill-failed`, `invalid-argument`, `aborted`, `disposed`; the avatar then keeps what it has, and of
     * detail and filling the one that did not fail
     */
    public async refineAsync(photos: readonly PhotoSource[], settings: IRefineSettings = {}): Promise<void> {
        await this._core.refinement.runAsync(photos, settings);
    }

    /** Stops the refinement under way; the person keeps what it has. */
    public cancelRefining(): void {
        this._core.refinement.cancel();
    }

    /**
     * Waits until no refinement is under way: detail, and hair and bust, are there or failed. @returns whether the
     * person has the photos' detail
     */
    public async whenRefinedAsync(): Promise<boolean> {
        return await this._core.refinement.whenIdleAsync();
    }

    /**
     * Takes the detail away at once: the person's colors are exactly those from before. Stops the sharpening under way.
     * Hair beyond the scalp and bust stay, also those that came with the detail; `setSecondMapAsync(null)` takes them
     * away.
     */
    public unrefine(): void {
        this._core.refinement.undo();
    }

    /**
     * Writes the person as a `.flexavatar` file, which {@link FlexAvatarComponent.loadAsync} reads. It is binary glTF, so
     * that other viewers show the person at rest. Works in slices beside frames.
     * @returns the bytes of the file
     */
    public async saveAsync(settings: ISaveSettings = {}): Promise<ArrayBuffer> {
        return await this._core.saveAsync(settings);
    }

    /**
     * Writes all splats as they are now, with this expression and pose and the driver's detail, for other programs. The
     * driver runs once more for it.
     * @param format "ply", "splat", "spz" or "glb" (KHR_gaussian_splatting)
     * @returns the bytes of the file; meters, right-handed, +Y up, the face towards +Z, in the avatar's own space
     * @throws FlexAvatarError `invalid-argument` for another format, `disposed`
     */
    public async exportSplatsAsync(format: SplatFormat): Promise<ArrayBuffer> {
        return await this._core.exportSplatsAsync(format);
    }

    /**
     * Writes the person as a mesh for other engines and programs: a skinned head with ARKit's 52 morph targets by name,
     * eyes, teeth and tongue, hair and bust, and their textures. It is at rest, whatever the avatar does now, with the
     * driver's detail of a face at rest and of no other. Works in slices beside frames.
     * @returns the bytes of a `.glb` file; meters, right-handed, +Y up, the face towards +Z
     * @throws FlexAvatarError `invalid-argument`, `disposed`
     */
    public async exportMeshAsync(settings: IMeshSettings = {}): Promise<ArrayBuffer> {
        return await this._core.exportMeshAsync(settings);
    }

    /** Frees everything, bound clips included. May be called twice. */
    public override dispose(doNotRecurse?: boolean, disposeMaterialAndTextures?: boolean): void {
        if (this.isDisposed()) {
            return;
        }
        this.onAvatarDisposeObservable.notifyObservers(this);
        this._core.dispose(doNotRecurse, disposeMaterialAndTextures);
        this.onReadyObservable.clear();
        this.onRefineProgressObservable.clear();
        super.dispose(doNotRecurse, disposeMaterialAndTextures);
        this.onAvatarDisposeObservable.clear();
    }
}
