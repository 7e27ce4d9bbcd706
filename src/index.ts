/** The front door: every public name, once. Importing it makes the loader, the parser and the block known to Babylon. */
import { RegisterAvatarParser } from "./plugin/avatarParser.js";
import { RegisterFlexAvatarBlock } from "./plugin/flexAvatarBlock.js";
import { RegisterFlexAvatarLoader } from "./plugin/flexAvatarLoader.js";

export { FlexAvatarError, type FlexAvatarErrorCode } from "./flame/error.js";
export type { IRuntimeProgress, ProgressListener } from "./runtime/models/progress.js";
export type { BackendName, OnnxRuntimeUrls } from "./runtime/models/onnxBackend.js";
export type { IMediaPipeUrls } from "./runtime/photo/mediaPipe.js";
export type { PhotoSource } from "./runtime/photo/decode.js";
export type { IBindAnimationSettings } from "./plugin/animation/bindAnimationGroup.js";
export type { CharacterAttachment, ICharacterSettings } from "./plugin/attach/characterAttachment.js";
export type { IPickedRegion } from "./plugin/attach/regions.js";
export type { ISurfaceSettings } from "./plugin/attach/surfaceNodes.js";
export { SurfaceLandmarks, type IAtlasPoint, type SurfaceLandmark, type SurfaceTarget } from "./plugin/attach/surfacePlaces.js";
export type { IFlexAvatarOptions } from "./plugin/componentOptions.js";
export type { LevelOfDetail } from "./plugin/levelOfDetail.js";
export { GetFlexAvatarEngineOptions } from "./plugin/engineOptions.js";
export type { ExpressionTrack, ExpressionTracks } from "./plugin/expressionTracks.js";
export { FlexAvatar } from "./plugin/flexAvatar.js";
export {
    FlexAvatarComponent,
    type ICreateSettings,
    type IPhotoCreateSettings,
    type IFlexAvatarNotice,
    type IFlexAvatarStatistics,
} from "./plugin/flexAvatarComponent.js";
export { NodeRenderGraphFlexAvatarBlock } from "./plugin/flexAvatarBlock.js";
export { FlexAvatarContainer, FlexAvatarLoader, type FlexAvatarLoadingOptions } from "./plugin/flexAvatarLoader.js";
export { FlexAvatarTask } from "./plugin/flexAvatarTask.js";
export type { IRefineProgress, IRefineSettings, RefineOption } from "./plugin/refine/refineSettings.js";
export type { FlexAvatarProxyMesh } from "./plugin/proxyMesh.js";
export type { FlexAvatarSplatMesh } from "./plugin/splatMesh.js";

RegisterAvatarParser();
RegisterFlexAvatarBlock();
RegisterFlexAvatarLoader();
