/**
 * What component and avatar know of each other beyond public names. Nothing else of the plugin reaches into an avatar.
 *
 * | when | who calls | what happens |
 * |---|---|---|
 * | birth | component | `new FlexAvatar` with {@link IAvatarParts}; then `refineInBackground`, if photos were kept for it |
 * | every frame, before the scene renders | component, per enabled avatar | `readFrame`: the pose is read, see avatarPose.ts |
 * | then | component, once | `AvatarEvaluator.PoseAll`: one dispatch poses the heads that moved |
 * | then | component, once | `DriverScheduler.update`: starts driver runs, as many as the frame has time for |
 * | then | component, per enabled avatar | `continueFrame`: delta maps are blended, the first picture is announced |
 * | per view, while the scene renders | the mesh that draws the avatar | reads it as an `ISplatMember` |
 * | container in or out of the scene | component | `setShown` |
 * | device lost, device back | component | `suspend`, then `resume` with a new evaluator |
 * | scene files and containers | `files/` | `nodes`, `clipTargets`, `adoptClip`, `toFile` |
 */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup.js";
import type { TransformNode } from "@babylonjs/core/Meshes/transformNode.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { IAvatarFile } from "../../runtime/format/avatarFile.js";
import type { PhotoSource } from "../../runtime/photo/decode.js";
import type { ExpressionTrack } from "../animation/expressionTracks.js";
import type { ISavedAttachments } from "../attach/savedAttachments.js";
import type { IDrawnPage } from "./avatarDrawing.js";
import type { LevelOfDetail } from "../draw/levelOfDetail.js";
import type { SplatCrowds } from "../draw/splatCrowds.js";
import type { FaceMixer } from "../live/faceMixer.js";
import type { BustOption, HairOption } from "../page/avatarPage.js";
import type { IHairSpringSettings } from "../page/hairSpring.js";
import type { IPageModel } from "../../runtime/person/pageMap.js";
import type { IDrawnBody } from "../mesh/onDemand.js";
import type { PersonPage } from "../page/personPage.js";
import type { Person } from "../refine/person.js";
import type { IPrepareWish } from "../../runtime/person/preparePhotos.js";
import type { Refinement } from "../refine/refinement.js";
import type { IRefineSettings } from "../../runtime/person/refineSettings.js";
import type { IRefineSource } from "../../runtime/person/refineViews.js";
import type { AvatarEvaluator } from "../../runtime/driver/avatarEvaluator.js";
import type { ISplatHead } from "../../runtime/splats/splatHead.js";
import type { IMakeSettings } from "./avatarFactory.js";

/** What an avatar shows of a person besides the head. */
export interface IShownParts {
    /** Default "auto". */
    bust?: BustOption;
    /** Default "auto". */
    hair?: HairOption;
    /** Default null. */
    hairSpring?: IHairSpringSettings | null;
}

/** What the component gives an avatar: what it is made of, and what it may ask for later. */
export interface IAvatarParts {
    /** Borrowed. */
    head: HeadModel;
    /** Owned by the avatar from now on; null where it is a mesh. */
    evaluator: AvatarEvaluator | null;
    /** The person as a mesh, for engines without WebGPU; shared by instances. Null where avatars are splats. */
    body: IDrawnBody | null;
    /** The person: what {@link FlexAvatar.saveAsync} writes. */
    file: IAvatarFile;
    /** Gaussians of a file of another program, in place of the person's map. */
    splats?: ISplatHead;
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
    /** Level of detail at first. */
    levelOfDetail: LevelOfDetail;
    /** Told what the user should know. */
    notify(code: string, message: string): void;
}

/** What the component, scene files and tests know of an avatar. */
export interface IAvatarInternals {
    /** Splats of the head; null where it is a mesh, and while the device is lost. */
    readonly splats: AvatarEvaluator | null;
    /** Hair beyond the scalp and bust, or null for a person without both. */
    readonly secondPage: IDrawnPage | null;
    /** Its axes are posed space. */
    readonly posedNode: TransformNode;
    /** The nodes that the avatar consists of, itself first. */
    readonly nodes: TransformNode[];

    /** Where sources are mixed with clips and sliders, for recorders. From its first use on each frame asks it. */
    readonly faceMixer: FaceMixer;

    /** Takes tracks and joints over. Allocates nothing. */
    readFrame(): void;
    /** Goes on with what takes more than one frame. Allocates nothing. */
    continueFrame(): void;

    /** Takes the avatar off the mesh that draws it, or gives it back; it keeps all its parts. */
    setShown(isShown: boolean): void;
    /** The device is lost: nothing is drawn until {@link resume}. @returns what to make the avatar from again */
    suspend(): IAvatarFile;
    /** Draws again. @param evaluator on the new device; owned from now on */
    resume(evaluator: AvatarEvaluator): void;

    /** Refines with photos that are prepared, for what they were prepared for; what goes wrong is a notice. */
    refineInBackground(source: IRefineSource, settings: IRefineSettings): void;

    /** What hangs on the skin and what the head hangs on, for scene files. */
    readonly savedAttachments: ISavedAttachments;
    /** All that a clip can drive, by the names that scene files use. */
    clipTargets(): Map<string, TransformNode | ExpressionTrack>;
    /** Takes a group whose targets are this avatar's tracks and joints: it is disposed with the avatar. */
    adoptClip(group: AnimationGroup): void;
    /** The bytes of the person's `.flexavatar` file. */
    toFile(): ArrayBuffer;
}

/** What scene files know of a component. */
export interface IComponentInternals {
    /** Tells the user, each text once. */
    notify(code: string, message: string): void;
}
