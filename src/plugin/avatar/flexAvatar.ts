/** The avatar node: where it stands, what its face does, and everything that hangs on it. */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup.js";
import type { Bone } from "@babylonjs/core/Bones/bone.js";
import type { PickingInfo } from "@babylonjs/core/Collisions/pickingInfo.js";
import { Matrix, Quaternion } from "@babylonjs/core/Maths/math.vector.js";
import type { AbstractMesh } from "@babylonjs/core/Meshes/abstractMesh.js";
import type { GaussianSplattingMesh } from "@babylonjs/core/Meshes/GaussianSplatting/gaussianSplattingMesh.js";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import { Observable } from "@babylonjs/core/Misc/observable.js";
import type { Node } from "@babylonjs/core/node.js";
import type { Scene } from "@babylonjs/core/scene.js";
import type { Nullable } from "@babylonjs/core/types.js";
import { FlexAvatarError } from "../../flame/error.js";
import { CreateExpressionPose, type ExpressionPose } from "../../flame/expression.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { ISplatSnapshot } from "../../runtime/format/splatFile.js";
import { WriteAvatarFile, type IAvatarFile } from "../../runtime/format/avatarFile.js";
import { AvatarJoints, NodeNames } from "../animation/avatarJoints.js";
import { BindAnimationGroup, ListNames, type IBindAnimationSettings } from "../animation/bindAnimationGroup.js";
import { AddInspectorSliders } from "../animation/inspectorSliders.js";
import type { NodeName } from "../animation/jointNames.js";
import { CharacterAttachment, type ICharacterHead, type ICharacterSettings } from "../attach/characterAttachment.js";
import { FeatherMap } from "../attach/feather.js";
import { HeadSurface } from "../attach/headSurface.js";
import { RegionOfPick, type IPickedRegion } from "../attach/regions.js";
import { SurfaceNodes, type ISurfaceSettings } from "../attach/surfaceNodes.js";
import type { SurfaceTarget } from "../attach/surfacePlaces.js";
import type { AvatarEvaluator, IEvaluatorCounts } from "./avatarEvaluator.js";
import { type ExpressionTrack, ExpressionTracks } from "../animation/expressionTracks.js";
import { FreezeAsync } from "../draw/gaussianSplattingMesh.js";
import { FaceMixer } from "../live/faceMixer.js";
import type { IFaceSource } from "../live/faceSource.js";
import type { ISourceHandle, ISourceSettings } from "../live/sourceHandle.js";
import type { ICloseUp } from "../../runtime/closeUp.js";
import type { PhotoSource } from "../../runtime/photo/decode.js";
import type { IMakeSettings } from "./avatarFactory.js";
import { AvatarPage, type BustOption, type HairOption } from "../page/avatarPage.js";
import { CheckHairSpring, HairSpring, type IHairSpringSettings } from "../page/hairSpring.js";
import type { HiddenParts, IPageLease, IPageMember, IPageModel, PersonPage } from "../page/personPage.js";
import type { IPersonMember, Person } from "../refine/person.js";
import type { IPrepareWish, PreparePhotos, Refinement } from "../refine/refinement.js";
import type { IRefineProgress, IRefineSettings } from "../refine/refineSettings.js";
import type { IRefineSource } from "../refine/refineViews.js";
import type { LevelOfDetail } from "../draw/levelOfDetail.js";
import { FlexAvatarProxyMesh } from "../draw/proxyMesh.js";
import type { SplatCrowds } from "../draw/splatCrowds.js";
import type { FlexAvatarSplatMesh } from "../draw/splatMesh.js";
import type { ISplatMember } from "../draw/splatView.js";

/** What an avatar shows of a person besides the head. */
export interface IShownParts {
    /** Default "auto". */
    bust?: BustOption;
    /** Default "auto". */
    hair?: HairOption;
    /** Default null. */
    hairSpring?: IHairSpringSettings | null;
}

/** What an avatar is made of. */
export interface IAvatarParts {
    /** Borrowed. */
    head: HeadModel;
    /** Owned by the avatar from now on. */
    evaluator: AvatarEvaluator;
    /** The person: what {@link FlexAvatar.saveAsync} writes. */
    file: IAvatarFile;
    /** What the person's avatars show; shared by instances. */
    person: Person;
    /** Hair beyond the scalp and bust of the person; shared by instances. */
    page: PersonPage;
    /** What is shown of it at first. */
    shown: IShownParts;
    /** Loads the head model's second page. */
    loadPageAsync(settings: IMakeSettings): Promise<IPageModel>;
    /** Of the person; shared by instances. */
    refinement: Refinement;
    /** Finds, crops and fits photos. */
    prepareRefinementAsync(
        photos: readonly PhotoSource[],
        wish: IPrepareWish,
        settings: IMakeSettings,
    ): Promise<IRefineSource>;
    /** Whose meshes draw the avatar; borrowed. */
    crowds: SplatCrowds;
    /** Makes an avatar of the same person from another evaluator, which it owns from then on. */
    instantiate(evaluator: AvatarEvaluator, name: string, shown: IShownParts): FlexAvatar;
    /** Level of detail at first. */
    levelOfDetail: LevelOfDetail;
    /** Told what the user should know. */
    notify(code: string, message: string): void;
}

const BustOptions: readonly BustOption[] = ["auto", "none"];
const HairOptions: readonly HairOption[] = ["auto", "scalp"];
/** Babylon's: seen by every camera that was not told otherwise. */
const DefaultLayerMask = 0x0fffffff;
const NoCounts: IEvaluatorCounts = Object.freeze({ driverRuns: 0, driverMs: 0 });

/**
 * A 3D Gaussian head in a Babylon scene.
 * The node's origin is the middle of the head, about 2 cm below the eyes' height; +Y is up and the face looks along +Z,
 * in left-handed and right-handed scenes alike, as characters loaded from glTF files do. One unit is one meter.
 * @example
 * avatar.position.y = 1.6;
 * avatar.expression.getTrack("jawOpen").influence = 0.4;
 * avatar.neck.rotation.y = 0.3;
 */
export class FlexAvatar extends TransformNode implements ISplatMember, IPersonMember, IPageMember {
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
     * What bound clips turn: the parents of {@link neck}, {@link jaw}, the eyes and {@link torso}. They keep their last
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

    private readonly _parts: IAvatarParts;
    /** Null while the device is lost. */
    private _evaluator: AvatarEvaluator | null;
    private readonly _gaussianCount: number;
    private readonly _canonicalRoot: TransformNode;
    private readonly _pose: ExpressionPose;
    private readonly _surface: HeadSurface;
    private _surfaceNodes: SurfaceNodes | null = null;
    private _character: CharacterAttachment | null = null;
    private readonly _joints: AvatarJoints;
    /** The person's map, feathered for a character; null where it is not. */
    private _feathered: Float32Array<ArrayBuffer> | null = null;
    /** Null for a person without hair beyond the scalp and without a bust. */
    private _page: AvatarPage | null = null;
    /** Whether the mesh that draws the head draws the page too. */
    private _isPageDrawn = false;
    private readonly _hidden = { hair: false, bust: false };
    private _bust: BustOption;
    private _hair: HairOption;
    private _hairSpring: HairSpring | null = null;
    /** Whether it is on a character, which has a body. */
    private _isCarried = false;
    /** Whether a mesh draws the avatar; not while it is in a container. */
    private _isDrawn = true;
    private readonly _groups = new Set<AnimationGroup>();
    private _expressionRevision = 0;
    /** Null until a source, or who listens to them, comes. */
    private _mixer: FaceMixer | null = null;
    private _ready = false;
    private _splatMesh: FlexAvatarSplatMesh;
    private _visibility = 1;
    private _latestClone: FlexAvatar | null = null;

    /** @internal Avatars are made by the component. */
    public constructor(name: string, scene: Scene, parts: IAvatarParts) {
        super(name, scene);
        this._parts = parts;
        const { head, evaluator } = parts;
        this._evaluator = evaluator;
        this.levelOfDetail = parts.levelOfDetail;
        this._gaussianCount = evaluator.gaussianCount;
        this.doNotSerialize = true;
        this.expression = new ExpressionTracks(head.expressions, name);
        this.expression.register(scene);
        AddInspectorSliders(this, this.expression);
        this._pose = CreateExpressionPose(head);

        // Canonical space is right-handed. The one conversion, the same as the glTF loader's.
        this._canonicalRoot = new TransformNode(`${name}.canonical`, scene);
        this._canonicalRoot.doNotSerialize = true;
        if (!scene.useRightHandedSystem) {
            this._canonicalRoot.rotationQuaternion = new Quaternion(0, 1, 0, 0);
            this._canonicalRoot.scaling.z = -1;
        }
        this._joints = new AvatarJoints(this, head);
        this.clipJoints = this._joints.clipJoints;
        ({
            torso: this.torso,
            neck: this.neck,
            jaw: this.jaw,
            leftEye: this.leftEye,
            rightEye: this.rightEye,
        } = this._joints.joints);
        this._canonicalRoot.parent = this.torso;

        this._surface = new HeadSurface(head, parts.file);
        this.proxyMesh = new FlexAvatarProxyMesh(`${name}.proxy`, scene, this._surface);
        this.proxyMesh.setPose(this._pose);
        this.proxyMesh.parent = this._canonicalRoot;
        // Whoever copies a hierarchy node by node finds the parts of the copy that there are already.
        this.ownNodes().forEach((part, index) => {
            if (index > 0) {
                part.clone = () => this._latestClone?.ownNodes()[index] ?? null;
            }
        });
        this.proxyMesh.clone = () => this._latestClone!.proxyMesh;
        this._splatMesh = parts.crowds.join(this, 0, DefaultLayerMask);
        this._watchDriver(evaluator);
        parts.person.join(this);
        this._bust = parts.shown.bust ?? "auto";
        this._hair = parts.shown.hair ?? "auto";
        this._hairSpring = parts.shown.hairSpring ? new HairSpring(parts.shown.hairSpring, head.joints) : null;
        parts.page.join(this);
        this._showPage();
    }

    /** @returns the class name */
    public override getClassName(): string {
        return "FlexAvatar";
    }

    /** Number of Gaussians, those of long hair and bust included while they are shown. */
    public get gaussianCount(): number {
        return this._gaussianCount + (this._page?.gaussianCount ?? 0);
    }

    /** Whether the person has a second map: hair beyond the scalp, or a bust. */
    public get hasSecondMap(): boolean {
        return this._parts.page.model !== null;
    }

    /**
     * Whether the bust is shown: `"auto"` where the person has one and the head is on no character, `"none"` never.
     * Default "auto".
     */
    public get bust(): BustOption {
        return this._bust;
    }

    public set bust(value: BustOption) {
        CheckOption("bust", value, BustOptions);
        this._bust = value;
        this._hideParts();
    }

    /**
     * Whether hair beyond the scalp is shown: `"auto"` where the person has it, `"scalp"` what the head itself carries.
     * Default "auto".
     */
    public get hair(): HairOption {
        return this._hair;
    }

    public set hair(value: HairOption) {
        CheckOption("hair", value, HairOptions);
        this._hair = value;
        this._hideParts();
    }

    /**
     * Whether hair beyond the scalp lags behind head and body and swings until it settles, and how fast. It takes any
     * frame rate, costs a few numbers per avatar and frame, and stops with the scene's animations. Default null: hair
     * is still, and nothing is computed.
     * @example avatar.hairSpring = {}; // with default settings
     */
    public get hairSpring(): Readonly<Required<IHairSpringSettings>> | null {
        return this._hairSpring?.settings ?? null;
    }

    public set hairSpring(settings: IHairSpringSettings | null) {
        this._hairSpring = settings && new HairSpring(settings, this._parts.head.joints);
        this._showPose(this._page?.update(this._parts.head, this._pose, true, null) ?? false);
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
        this._throwIfDisposed();
        this._parts.refinement.cancelFilling();
        if (!map) {
            this._parts.page.set(null);
            return;
        }
        const model = await this._parts.loadPageAsync(settings);
        this._throwIfDisposed();
        const wanted = 14 * model.mapSize ** 2;
        if (map.length !== wanted || !map.every(Number.isFinite)) {
            const what = map.length === wanted ? "numbers that are not finite" : `${map.length} numbers`;
            throw new FlexAvatarError(
                "invalid-argument",
                `setSecondMapAsync got ${what}, wanted [14,${model.mapSize},${model.mapSize}] finite ones.`,
            );
        }
        this._parts.refinement.cancelFilling();
        this._parts.page.set({ model, map });
    }

    /**
     * What draws this avatar, and all others of its rendering group and layer mask: a transparent mesh like any other.
     * What you set on it goes for all of them; {@link visibility}, {@link renderingGroupId} and {@link layerMask} of
     * the avatar go for this one.
     */
    public get splatMesh(): FlexAvatarSplatMesh {
        return this._splatMesh;
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
        return this._splatMesh.renderingGroupId;
    }

    public set renderingGroupId(value: number) {
        this._join(value, this.layerMask);
    }

    /** As of a mesh: cameras whose mask has no bit in common do not see the avatar. Default 0x0fffffff. */
    public get layerMask(): number {
        return this._splatMesh.layerMask;
    }

    public set layerMask(value: number) {
        this._join(this.renderingGroupId, value);
    }

    /** Node whose axes are posed space. @internal */
    public get posedNode(): TransformNode {
        return this._canonicalRoot;
    }

    /** What is drawn, or null while the device is lost. @internal */
    public get splats(): AvatarEvaluator | null {
        return this._evaluator;
    }

    /** Bytes of GPU memory that this avatar holds besides views; what instances share is divided among them. */
    public get gpuByteLength(): number {
        return (this._evaluator?.byteLength ?? 0) + (this._page?.byteLength ?? 0);
    }

    /** The second page, or null. @internal */
    public get _secondPage(): AvatarPage | null {
        return this._page;
    }

    /** What is known about the person and its origin. */
    public get description(): Readonly<
        Pick<IAvatarFile, "headModel" | "model" | "fit" | "thumbnail" | "provenance" | "license">
    > {
        return this._parts.file;
    }

    /** Compute dispatches, driver runs and the time of the last one. */
    public get counts(): Readonly<IEvaluatorCounts> {
        return this._evaluator?.counts ?? NoCounts;
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
        const targets = { name: this.name, expression: this.expression, joints: this.clipJoints };
        const hasBust = this.hasSecondMap && this._bust === "auto" && !this._hidden.bust;
        const bound = BindAnimationGroup(group, targets, this.getScene(), { torso: hasBust, ...settings }, (report) => {
            const { missing, bodyBones, doubles, weightScale } = report;
            if (missing.length > 0 && !settings.onMissing) {
                const body = bodyBones > 0 ? ` Bones of the body that are left out as well: ${bodyBones}.` : "";
                this._parts.notify(
                    "clip-tracks-missing",
                    `"${this.name}" has nothing for ${ListNames(missing)} of the clip "${group.name}".${body}`,
                );
            }
            if (doubles.length > 0 || (weightScale !== 1 && settings.weightScale === undefined)) {
                const scaled =
                    weightScale === 1 ? "" : ` Its weights are percentages and were multiplied by ${weightScale}.`;
                const taken =
                    doubles.length > 0
                        ? ` Several meshes or nodes animate ${ListNames(doubles)}; what moves most was taken.`
                        : "";
                this._parts.notify(
                    "clip-adjusted",
                    `The clip "${group.name}" was adjusted for "${this.name}".${scaled}${taken}`,
                );
            }
        });
        this.adoptClip(bound);
        return bound;
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
        this._throwIfDisposed();
        return this._faceMixer().add(source, settings);
    }

    /** What is mixed here, for recorders. @internal */
    public _faceMixer(): FaceMixer {
        return (this._mixer ??= new FaceMixer({
            node: this,
            head: this._parts.head,
            tracks: this.expression,
            joints: this._joints,
            notify: (code, message) => this._parts.notify(code, message),
        }));
    }

    /**
     * Puts the face and all joints to rest: tracks at 0, no turn left by you or by a clip. A clip that plays writes
     * again in the next frame.
     */
    public resetPose(): void {
        this.expression.reset();
        this._joints.reset();
    }

    /**
     * Makes a node that rides on this person's skin, through expressions, jaw and head turns. Hang hats, glasses and
     * stickers on it.
     * @param target a named landmark, the number of a MediaPipe landmark, or a point of the atlas, for example from
     * {@link regionOf}; with `page: 2` one of
     *   long hair or bust, which stays where it was if that is replaced or taken away
     * @param settings name and axes
     * @returns the node, a child of the avatar's torso and disposed with it; dispose it earlier if you like
     * @throws FlexAvatarError `invalid-argument` if the head has no such place
     */
    public attachToSurface(target: SurfaceTarget, settings: ISurfaceSettings = {}): TransformNode {
        this._throwIfDisposed();
        this._surfaceNodes ??= new SurfaceNodes(this, this._surface, this.torso, () => this._parts.page.surface);
        return this._surfaceNodes.add(target, settings, this._pose, this._hairSpring);
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
        this._throwIfDisposed();
        this._character?.dispose();
        const { file, person } = this._parts;
        const head: ICharacterHead = {
            node: this,
            surface: this._surface,
            carried: this._joints.carried,
            feather: (ring, length) => {
                this._feathered =
                    ring && length > 0 ? FeatherMap(this._surface.model, person.map, file.mapSize, ring, length) : null;
                this._evaluator?.setStaticMap(this._feathered ?? person.map);
            },
            hideBust: (isHidden) => {
                this._isCarried = isHidden;
                this._hideParts();
            },
        };
        this._character = new CharacterAttachment(head, mesh, boneOrNode, settings);
        return this._character;
    }

    /**
     * The part of this face that a pick has hit, and where in the atlas.
     * @param info what `scene.pick` returned
     * @returns null if the pick did not hit this avatar
     */
    public regionOf(info: PickingInfo): IPickedRegion | null {
        return info.hit && info.pickedMesh === this.proxyMesh
            ? RegionOfPick(this._surface.model, info, this.proxyMesh.page)
            : null;
    }

    /**
     * Makes another avatar of the same person, with its own place, expression and pose. Both share the maps and the
     * driver network, so an instance costs less than 2 MB of GPU memory; either may be disposed first.
     * @param name name of the new node
     * @returns the instance, in the scene; its fine detail comes with its first driver run ({@link whenReadyAsync})
     * @throws FlexAvatarError `disposed`, also while the device is lost; `too-many-avatars`
     */
    public createInstance(name: string): FlexAvatar {
        this._throwIfDisposed();
        if (!this._evaluator) {
            throw new FlexAvatarError(
                "disposed",
                `The avatar "${this.name}" has lost its GPU device and is not back yet.`,
            );
        }
        const instance = this._evaluator.createInstance();
        if (this._feathered) {
            instance.setStaticMap(this._parts.person.map); // the feather is this avatar's own
        }
        return this._parts.instantiate(instance, name, {
            bust: this._bust,
            hair: this._hair,
            hairSpring: this.hairSpring,
        });
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
        this._latestClone = instance;
        return instance;
    }

    /**
     * A frozen copy as Babylon's own splat mesh: this expression and pose with the driver's detail, placed as the
     * avatar is. The driver runs once more for it.
     * @param name name of the mesh
     * @returns the mesh, the caller's; the avatar goes on independently
     */
    public async toGaussianSplattingMeshAsync(name = `${this.name} splats`): Promise<GaussianSplattingMesh> {
        this._throwIfDisposed();
        if (!this._evaluator) {
            throw new FlexAvatarError(
                "disposed",
                `The avatar "${this.name}" has lost its GPU device and is not back yet.`,
            );
        }
        this._readFrame();
        const pose = { expression: this._pose.expression.slice(), pose: this._pose.pose.slice() };
        const { head, person } = this._parts;
        const { table } = this._evaluator.buffers.head;
        person.finishFade();
        this._parts.page.finishFade();
        const staticMap = this._feathered ?? person.map.slice();
        const second = this._pageSnapshots();
        // Where the torso is in the avatar's parent.
        const place = this.torso
            .computeWorldMatrix(true)
            .multiply(this.parent ? this.parent.getWorldMatrix().clone().invert() : Matrix.IdentityReadOnly);
        const deltaMap = await this._evaluator.readDeltaMapAsync();
        this._throwIfDisposed();
        const mesh = await FreezeAsync(name, this.getScene(), [{ head, table, staticMap, deltaMap, pose }, ...second]);
        mesh.parent = this.parent;
        mesh.rotationQuaternion = new Quaternion();
        place.decompose(mesh.scaling, mesh.rotationQuaternion, mesh.position);
        return mesh;
    }

    /** Groups of the scene that drive nothing but this avatar: bound clips, their clones, and your own. */
    public get clips(): readonly AnimationGroup[] {
        const targets = new Set<unknown>([...this.clipTargets().values()]);
        const isOwn = ({ targetedAnimations }: AnimationGroup) =>
            targetedAnimations.length > 0 && targetedAnimations.every(({ target }) => targets.has(target));
        return this.getScene().animationGroups.filter(isOwn);
    }

    /** All that a clip can drive, by the names that scene files use. @internal */
    public clipTargets(): Map<string, TransformNode | ExpressionTrack> {
        const targets = new Map<string, TransformNode | ExpressionTrack>([["", this]]);
        for (let index = 0; index < this.expression.numTargets; index++) {
            const track = this.expression.getTarget(index);
            targets.set(track.name, track);
        }
        for (const joint of NodeNames) {
            targets.set(joint, this[joint]);
            targets.set(`${joint}.clip`, this.clipJoints[joint]);
        }
        return targets;
    }

    /** Takes a group whose targets are this avatar's tracks and joints: it is disposed with the avatar. @internal */
    public adoptClip(group: AnimationGroup): void {
        this._groups.add(group);
    }

    /** The nodes that the avatar consists of, itself first. @internal */
    public ownNodes(): TransformNode[] {
        return [this, this._canonicalRoot, ...this._joints.nodes];
    }

    /** Takes the avatar off the mesh that draws it, or gives it back; it keeps all its parts. @internal */
    public _setShown(isShown: boolean): void {
        this._isDrawn = isShown;
        const { crowds } = this._parts;
        if (isShown) {
            this._splatMesh = crowds.join(this, this.renderingGroupId, this.layerMask);
            this._drawPage();
        } else {
            this._undrawPage();
            crowds.leave(this, this._splatMesh);
        }
    }

    /**
     * Waits until the very expression and pose set now can be drawn without delay. For offline capture; a render loop
     * does not need it: there the head follows at once and the driver's fine detail one run later.
     */
    public async evaluateAsync(): Promise<void> {
        this._throwIfDisposed();
        this._parts.person.finishFade();
        this._parts.page.finishFade();
        this._readFrame();
        await this._evaluator?.evaluateAsync();
    }

    /** Waits until the avatar can be drawn: shaders compiled, first driver run arrived. */
    public async whenReadyAsync(): Promise<void> {
        await this.evaluateAsync();
        while (!this.splatMesh.isReady(true)) {
            await new Promise((resolve) => setTimeout(resolve, 16));
            this._throwIfDisposed();
        }
        this._announceReady();
    }

    /** Whether the photos' own detail was added to this person. */
    public get isRefined(): boolean {
        return this._parts.person.file.detail !== undefined;
    }

    /** Whether a refinement of this person is under way, the filling of hair and bust included. */
    public get isRefining(): boolean {
        return this._parts.refinement.isRunning;
    }

    /**
     * How much of the photos' detail is shown, 0..1, on all avatars of the person. Default 1; 0 shows the avatar as the
     * networks made it.
     */
    public get detailStrength(): number {
        return this._parts.person.strength;
    }

    public set detailStrength(value: number) {
        this._parts.person.strength = value;
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
        this._throwIfDisposed();
        if (photos.length < 1 || photos.length > 4) {
            throw new FlexAvatarError("photo-count", `refineAsync got ${photos.length} photos and takes 1 to 4.`);
        }
        const list = [...photos];
        let opened = 0;
        const prepare: PreparePhotos = (signal, wish, onFraction) =>
            this._parts.prepareRefinementAsync(list, wish, {
                signal,
                onProgress: ({ stage, fraction }) => {
                    opened += stage === "opening the photo" ? 1 : 0;
                    onFraction(
                        Math.min(
                            1,
                            (Math.max(0, opened - 1) + (stage === "cutting out the person" ? fraction : 0)) /
                                list.length,
                        ),
                    );
                },
            });
        await this._parts.refinement.runAsync(prepare, list.length, settings);
    }

    /** Stops the refinement under way; the person keeps what it has. */
    public cancelRefining(): void {
        this._parts.refinement.cancel();
    }

    /**
     * Waits until no refinement is under way: detail, and hair and bust, are there or failed. @returns whether the
     * person has the photos' detail
     */
    public async whenRefinedAsync(): Promise<boolean> {
        await this._parts.refinement.whenIdleAsync();
        return this.isRefined;
    }

    /**
     * Takes the detail away at once: the person's colors are exactly those from before. Stops the sharpening under way.
     * Hair beyond the scalp and bust stay, also those that came with the detail; `setSecondMapAsync(null)` takes them
     * away.
     */
    public unrefine(): void {
        this._throwIfDisposed();
        this._parts.refinement.cancelSharpening();
        this._parts.person.setDetail(null, 0);
    }

    /**
     * Refines with photos that are prepared, for what they were prepared for; what goes wrong is a notice. @internal
     */
    public _refineInBackground(source: IRefineSource, settings: IRefineSettings): void {
        const sharpens = source.details.length > 0;
        if (!sharpens && source.wides.length === 0) {
            return;
        }
        const fill = source.wides.length > 0 ? settings.fill : false;
        this._parts.refinement
            .runAsync(async () => source, source.fit.views.length, { ...settings, fill }, sharpens)
            .catch((error: unknown) => {
                const code = error instanceof FlexAvatarError ? error.code : "refine-failed";
                if (code === "fill-failed") {
                    this._parts.notify(
                        "fill-failed",
                        `"${this.name}" stays without hair beyond the scalp and bust. ${String(error)}`,
                    );
                } else if (code !== "aborted" && code !== "disposed") {
                    this._parts.notify(
                        "refine-failed",
                        `"${this.name}" stays as the networks made it. ${String(error)}`,
                    );
                }
            });
    }

    /** See {@link IPersonMember}. @internal */
    public _showColors(staticMap: Float32Array<ArrayBuffer>, slots: WeakSet<object>): void {
        const evaluator = this._evaluator;
        if (this._feathered) {
            const channel = staticMap.length / 14;
            this._feathered.set(staticMap.subarray(4 * channel, 7 * channel), 4 * channel);
            evaluator?.setColors(this._feathered);
        } else if (evaluator) {
            const slot = evaluator.buffers.person;
            evaluator.setColors(slots.has(slot) ? null : staticMap);
            slots.add(slot);
        }
    }

    /** See {@link IPersonMember}. @internal */
    public _showCloseUp(closeUp: ICloseUp | null, strength: number): void {
        this._evaluator?.setCloseUp(closeUp, strength);
    }

    /** See {@link IPageMember}. @internal */
    public get _hiddenParts(): HiddenParts {
        return { hair: this._hair === "scalp", bust: this._bust === "none" || this._isCarried };
    }

    /** See {@link IPageMember}. @internal */
    public _showPage(): void {
        const { page } = this._parts;
        if (page.model && !this._page) {
            this._page = new AvatarPage(this, page);
        } else if (!page.model && this._page) {
            this._dropPage();
            this.proxyMesh._setPage(null, null);
        }
        if (this._page) {
            this._leasePage();
        }
    }

    /**
     * Writes the person as a `.flexavatar` file, which {@link FlexAvatarComponent.loadAsync} reads.
     * @returns the bytes of the file
     */
    public async saveAsync(): Promise<ArrayBuffer> {
        return this.toFile();
    }

    /** {@link saveAsync} at once. @internal */
    public toFile(): ArrayBuffer {
        this._throwIfDisposed();
        return WriteAvatarFile({ ...this._parts.file, name: this.name }).buffer;
    }

    /** Frees everything, bound clips included. May be called twice. */
    public override dispose(doNotRecurse?: boolean, disposeMaterialAndTextures?: boolean): void {
        if (this.isDisposed()) {
            return;
        }
        this.onAvatarDisposeObservable.notifyObservers(this);
        const { person, refinement, page } = this._parts;
        person.leave(this);
        page.leave(this);
        if (person.memberCount === 0) {
            refinement.cancel(
                new FlexAvatarError("disposed", `The avatar "${this.name}" was disposed while it was refined.`),
            );
        }
        for (const group of this._groups) {
            if (this.getScene().animationGroups.includes(group)) {
                group.dispose();
            }
        }
        this._groups.clear();
        this._mixer?.dispose();
        this.expression.dispose();
        this._character?.dispose();
        this._surfaceNodes?.dispose();
        this._dropPage();
        this._parts.crowds.leave(this, this._splatMesh);
        this.proxyMesh.dispose();
        for (const node of [this._canonicalRoot, ...this._joints.nodes.reverse()]) {
            node.dispose(doNotRecurse, disposeMaterialAndTextures);
        }
        this._evaluator?.dispose();
        this.onReadyObservable.clear();
        this.onRefineProgressObservable.clear();
        super.dispose(doNotRecurse, disposeMaterialAndTextures);
        this.onAvatarDisposeObservable.clear();
    }

    /**
     * Called by the component once per frame, before rendering: takes tracks and joints over. Allocates nothing.
     * @internal
     */
    public _readFrame(): void {
        if (!this._evaluator) {
            return;
        }
        const frame = this.getScene().getFrameId();
        this._parts.person.update(frame);
        this._parts.page.update(frame);
        this._character?.update();
        const isNew = this._readPose();
        if (isNew) {
            this._evaluator.setExpression(this._pose);
        }
        const spring = this._hidden.hair ? null : this._hairSpring;
        const moved = this._page?.update(this._parts.head, this._pose, isNew, spring) ?? false;
        this._showPose(isNew || moved);
    }

    /** Called by the component after all avatars are posed: goes on with what takes more than one frame. @internal */
    public _continueFrame(): void {
        this._evaluator?.continue();
        if (!this._ready && this.splatMesh.isReady(true)) {
            this._announceReady();
        }
    }

    /**
     * The device is lost: nothing is drawn until {@link _resume}. @returns what to make the avatar from again.
     * @internal
     */
    public _suspend(): IAvatarFile {
        this._page?.show(null, null);
        this._evaluator?.dispose();
        this._evaluator = null;
        this._splatMesh.refreshMembers();
        return this._parts.file;
    }

    /** Draws again, with an evaluator on the new device, owned from now on. @internal */
    public _resume(evaluator: AvatarEvaluator): void {
        this._evaluator = evaluator;
        this._watchDriver(evaluator);
        if (this._feathered) {
            evaluator.setStaticMap(this._feathered);
            this._parts.person.showCloseUpOn(this);
        } else {
            this._parts.person.showOn(this);
        }
        this._showPage();
        this._expressionRevision = 0;
        this._readFrame();
        this._splatMesh.refreshMembers();
    }

    /** Goes over to the mesh of another group or mask, with all that belongs to it. */
    private _join(renderingGroupId: number, layerMask: number): void {
        const { crowds } = this._parts;
        const before = this._splatMesh;
        this._splatMesh = crowds.join(this, renderingGroupId, layerMask, before);
        if (this._page && this._isPageDrawn && this._splatMesh !== before) {
            this._splatMesh.addMember(this._page);
            crowds.leave(this._page, before);
        }
    }

    /** Follows the options and the character. */
    private _hideParts(): void {
        const { hair, bust } = this._hidden;
        const now = this._hiddenParts;
        const isOther = hair !== now.hair || bust !== now.bust;
        if (this._page && isOther) {
            this._leasePage();
        }
    }

    /** Takes buffers for what is shown of the page now. */
    private _leasePage(): void {
        const { head, page } = this._parts;
        const hidden = Object.assign(this._hidden, this._hiddenParts);
        const pipeline = this._evaluator?.pipeline ?? null;
        let lease: IPageLease | null = null;
        try {
            lease = pipeline && page.acquire(pipeline.device, hidden);
        } catch (error) {
            this._parts.notify(
                "page-unused",
                `The hair and the bust of "${this.name}" cannot be shown; the head is shown alone. ${String(error)}`,
            );
        }
        this._page!.update(head, this._pose, true, this._hairSpring);
        this._page!.show(pipeline, lease);
        this.proxyMesh._setPage(page.surfaceOf(hidden), this._page!.pose);
        if (lease) {
            this._drawPage();
            this._splatMesh.refreshMembers();
        } else {
            this._undrawPage();
        }
    }

    /** Hands the page to the mesh that draws the head. */
    private _drawPage(): void {
        if (this._page?.splats && this._isDrawn && !this._isPageDrawn) {
            this._isPageDrawn = true;
            this._splatMesh.addMember(this._page);
        }
    }

    private _undrawPage(): void {
        if (this._page && this._isPageDrawn) {
            this._isPageDrawn = false;
            this._splatMesh.removeMember(this._page);
        }
    }

    private _dropPage(): void {
        if (this._page) {
            this._undrawPage();
            this._page.show(null, null);
            this._page = null;
        }
    }

    /** What is shown of the page, for a frozen copy. */
    private _pageSnapshots(): ISplatSnapshot[] {
        const buffers = this._page?.splats?.buffers;
        if (!buffers) {
            return [];
        }
        const { model, table } = buffers.head;
        const pose = { expression: new Float32Array(0), pose: this._page!.pose.pose.slice() };
        return [{ head: model, table, staticMap: this._parts.page.map.slice(), deltaMap: null, pose }];
    }

    private _watchDriver(evaluator: AvatarEvaluator): void {
        evaluator.onDriverError = (error) =>
            this._parts.notify(
                "driver-failed",
                `The driver network of "${this.name}" failed; its wrinkles stay as they are. ${String(error)}`,
            );
    }

    /** Moves what rides on the skin, if that has moved. */
    private _showPose(moved: boolean): void {
        if (moved) {
            this.proxyMesh.setPose(this._pose);
            this._surfaceNodes?.update(this._pose, this._hairSpring);
        }
    }

    /** Reads tracks and joints. @returns whether anything moved */
    private _readPose(): boolean {
        let changed = this._expressionRevision !== this.expression.revision;
        this._expressionRevision = this.expression.revision;
        if (this._mixer?.update()) {
            changed = this._mixer.mixToRef(this._pose.expression) || changed;
        } else if (changed) {
            this.expression.sampleToRef(this._pose.expression);
        }
        return this._joints.readPoseToRef(this._pose.pose) || changed;
    }

    private _announceReady(): void {
        if (!this._ready) {
            this._ready = true;
            this.onReadyObservable.notifyObservers(this);
        }
    }

    private _throwIfDisposed(): void {
        if (this.isDisposed()) {
            throw new FlexAvatarError("disposed", `The avatar "${this.name}" is disposed.`);
        }
    }
}

/** Refuses options of wrong values. @throws FlexAvatarError `invalid-argument` @internal */
export function CheckShownParts({ bust = "auto", hair = "auto", hairSpring }: IShownParts): void {
    CheckOption("bust", bust, BustOptions);
    CheckOption("hair", hair, HairOptions);
    CheckHairSpring(hairSpring ?? {});
}

function CheckOption(name: string, value: string, wanted: readonly string[]): void {
    if (!wanted.includes(value)) {
        throw new FlexAvatarError(
            "invalid-argument",
            `${name} is ${JSON.stringify(value)}, wanted ${wanted.map((one) => `"${one}"`).join(" or ")}.`,
        );
    }
}
