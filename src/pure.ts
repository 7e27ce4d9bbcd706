/**
 * Every public name, once. Importing it changes nothing: a page that wants the loader of `.flexavatar` files, avatars
 * in `.babylon` files or the block of node render graphs calls the Register functions. `index.ts` is the same with all
 * three called.
 */
export { FlexAvatarError, type FlexAvatarErrorCode, type IFlexAvatarErrorDetails } from "./flame/error.js";
export type { IRuntimeProgress, ProgressListener } from "./runtime/models/progress.js";
export type { BackendName, IOnnxBuildUrls, IOnnxFileUrls, OnnxRuntimeUrls } from "./runtime/models/onnxBackend.js";
export type {
    IAvatarDescription,
    IFileReference,
    INetworksReference,
    IStoredCamera,
    IStoredFit,
    IStoredPhoto,
} from "./runtime/format/avatarFile.js";
export type { IMeshSettings } from "./runtime/mesh/meshFile.js";
export type { SplatSorterName } from "./runtime/passes/index.js";
export type { PhotoSource } from "./runtime/photo/decode.js";
export { ArkitNames as ArkitExpressionNames, type ArkitName as ArkitExpressionName } from "./flame/expression.js";
export type { ClipAlias, IBindAnimationSettings } from "./plugin/animation/bindAnimationGroup.js";
export {
    CharacterCreatorExpressions,
    MetaHumanExpressions,
    OculusVisemes,
    VrmExpressions,
    type ExpressionTable,
    type WeightedExpressions,
} from "./plugin/animation/expressionTables.js";
export type { NodeName as FlexAvatarNodeName } from "./plugin/animation/jointNames.js";
export { LoadVrmAnimationAsync } from "./plugin/animation/vrmAnimation.js";
export type { CharacterAttachment, ICharacterSettings } from "./plugin/attach/characterAttachment.js";
export type { INeckFit } from "./plugin/attach/neckFit.js";
export type { IPickedRegion } from "./plugin/attach/regions.js";
export type { ISurfaceSettings } from "./plugin/attach/surfaceNodes.js";
export {
    SurfaceLandmarks,
    type IAtlasPoint,
    type SurfaceLandmark,
    type SurfaceTarget,
} from "./plugin/attach/surfacePlaces.js";
export type { IFlexAvatarOptions } from "./plugin/componentOptions.js";
export type { LevelOfDetail } from "./plugin/draw/levelOfDetail.js";
export type { ISaveSettings, SplatFormat } from "./plugin/files/avatarExport.js";
export { RegisterFlexAvatarParser } from "./plugin/files/avatarParser.js";
export { GetFlexAvatarEngineOptions } from "./plugin/engineOptions.js";
export type { ExpressionTrack, ExpressionTracks } from "./plugin/animation/expressionTracks.js";
export type { IEvaluatorCounts as IFlexAvatarCounts } from "./runtime/driver/avatarEvaluator.js";
export type { IMakeSettings } from "./plugin/avatar/avatarFactory.js";
export type { IDriverSchedule } from "./runtime/driver/driverScheduler.js";
export { FlexAvatar } from "./plugin/avatar/flexAvatar.js";
export { FlexAvatarComponent } from "./plugin/flexAvatarComponent.js";
export type { ICreateSettings, IPhotoCreateSettings } from "./plugin/createSettings.js";
export type { IFlexAvatarNotice } from "./plugin/notices.js";
export type { IFlexAvatarStatistics } from "./plugin/statistics.js";
export type {
    CameraState,
    ICameraLandmarker,
    ICameraLatency,
    ICameraSourceOptions,
    ILandmarkerPoint,
    ILandmarkerResult,
} from "./plugin/live/camera/cameraOptions.js";
export { CameraSource } from "./plugin/live/camera/cameraSource.js";
export type { AudioTimeline, ISoundClock, IStartedBuffer } from "./plugin/live/audioClock.js";
export { ClipSource, type FaceClip, type IClipSourceSettings } from "./plugin/live/faceClip.js";
export type { IFaceClipData } from "./plugin/live/faceClipData.js";
export type { FaceMask, FacePart, FaceRegion } from "./plugin/live/faceMask.js";
export { FaceRecorder, type IRecorderSettings } from "./plugin/live/faceRecorder.js";
export { FaceJointNames, type IFaceFrame, type IFaceHost, type IFaceSource } from "./plugin/live/faceSource.js";
export { LifeSource, type ILifeSettings, type Mood } from "./plugin/live/lifeSource.js";
export {
    LookAtSource,
    type IHasAbsolutePosition,
    type IHasGlobalPosition,
    type ILookAtSettings,
    type LookPlace,
    type LookTarget,
} from "./plugin/live/lookAtSource.js";
export { PlayWithAudio, type IAudioPlayback, type IPlayWithAudioSettings } from "./plugin/live/playWithAudio.js";
export { LoadFaceClipAsync, ParseFaceClip, type IFaceClipSettings } from "./plugin/live/readFaceClip.js";
export type { ISourceHandle, ISourceSettings } from "./plugin/live/sourceHandle.js";
export { BakeVoiceAsync, type IBakeVoiceSettings, type IVoiceTarget } from "./plugin/live/voice/bakeVoice.js";
export type {
    IMouthSettings,
    ISpeechSettings,
    IVoiceSettings,
    SpeechSound,
    VoiceInput,
    VoiceState,
} from "./plugin/live/voice/voiceSettings.js";
export { VoiceSource } from "./plugin/live/voice/voiceSource.js";
export type {
    IAzureVisemeEvent,
    IAzureWordEvent,
    IPollySpeechMark,
    ITimedViseme,
    ITimedWord,
    SpeechTiming,
} from "./runtime/voice/speechTimings.js";
export { StreamSource, type IStreamSettings, type IStreamStatistics } from "./plugin/live/streamSource.js";
export { NodeRenderGraphFlexAvatarBlock, RegisterFlexAvatarBlock } from "./plugin/frameGraph/flexAvatarBlock.js";
export {
    FlexAvatarContainer,
    FlexAvatarLoader,
    RegisterFlexAvatarLoader,
    type FlexAvatarLoadingOptions,
} from "./plugin/files/flexAvatarLoader.js";
export { FlexAvatarTask } from "./plugin/frameGraph/flexAvatarTask.js";
export type { BustOption, HairOption } from "./plugin/page/avatarPage.js";
export type { IHairSpringSettings } from "./plugin/page/hairSpring.js";
export type { IRefineProgress, IRefineSettings, RefineOption } from "./runtime/person/refineSettings.js";
export type { FlexAvatarProxyMesh } from "./plugin/draw/proxyMesh.js";
export type { FlexAvatarSplatMesh } from "./plugin/draw/splatMesh.js";
