/** The front door: every public name, once. Importing it makes the loader, the parser and the block known to Babylon. */
import { RegisterAvatarParser } from "./plugin/avatarParser";
import { RegisterFlexAvatarBlock } from "./plugin/flexAvatarBlock";
import { RegisterFlexAvatarLoader } from "./plugin/flexAvatarLoader";

export { FlexAvatarError, type FlexAvatarErrorCode } from "./flame/error";
export type { IRuntimeProgress, ProgressListener } from "./runtime/models/progress";
export type { BackendName, OnnxRuntimeUrls } from "./runtime/models/onnxBackend";
export type { IMediaPipeUrls } from "./runtime/photo/mediaPipe";
export type { PhotoSource } from "./runtime/photo/decode";
export type { IBindAnimationSettings } from "./plugin/animation/bindAnimationGroup";
export type { CharacterAttachment, ICharacterSettings } from "./plugin/attach/characterAttachment";
export type { IPickedRegion } from "./plugin/attach/regions";
export type { ISurfaceSettings } from "./plugin/attach/surfaceNodes";
export { SurfaceLandmarks, type IAtlasPoint, type SurfaceLandmark, type SurfaceTarget } from "./plugin/attach/surfacePlaces";
export type { IFlexAvatarOptions } from "./plugin/componentOptions";
export type { LevelOfDetail } from "./plugin/levelOfDetail";
export { GetFlexAvatarEngineOptions } from "./plugin/engineOptions";
export type { ExpressionTrack, ExpressionTracks } from "./plugin/expressionTracks";
export { FlexAvatar } from "./plugin/flexAvatar";
export {
    FlexAvatarComponent,
    type ICreateSettings,
    type IFlexAvatarNotice,
    type IFlexAvatarStatistics,
} from "./plugin/flexAvatarComponent";
export { NodeRenderGraphFlexAvatarBlock } from "./plugin/flexAvatarBlock";
export { FlexAvatarContainer, FlexAvatarLoader, type FlexAvatarLoadingOptions } from "./plugin/flexAvatarLoader";
export { FlexAvatarTask } from "./plugin/flexAvatarTask";
export type { FlexAvatarProxyMesh } from "./plugin/proxyMesh";
export type { FlexAvatarSplatMesh } from "./plugin/splatMesh";

RegisterAvatarParser();
RegisterFlexAvatarBlock();
RegisterFlexAvatarLoader();
