/** What the plugin uses of the GPU pipeline. */
export { AvatarBuffers, type IPosedBounds } from "./avatarBuffers.js";
export { FrameBytes, type IAvatarSize, type IPassBytes } from "./frameBytes.js";
export { HeadBuffers } from "./headBuffers.js";
export { SplatDrawPass, type ISplatTarget } from "./splatDraw.js";
export type { ISortProbe } from "./sort/sorterChoice.js";
export type { ISplatSorter, SplatSorterName } from "./sort/splatSorter.js";
export { SplatPipeline, type ISplatPipelineSettings } from "./splatPipeline.js";
export { Submit } from "./submit.js";
export { ViewBuffers } from "./view/viewBuffers.js";
export type { ICameraSettings, ICrowdMember, IViewSettings } from "./view/viewSettings.js";
export { CloseUpSource, SplatQuadSource } from "./wgsl.js";
