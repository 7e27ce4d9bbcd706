/** What the plugin uses of the GPU pipeline. */
export { AvatarBuffers } from "./avatarBuffers";
export { FrameBytes, type IAvatarSize, type IPassBytes } from "./frameBytes";
export { HeadBuffers } from "./headBuffers";
export { SplatDrawPass, type ISplatTarget } from "./splatDrawPass";
export type { ISortProbe } from "./sort/sorterChoice";
export type { ISplatSorter, SplatSorterName } from "./sort/splatSorter";
export { SplatPipeline, type ISplatPipelineSettings } from "./splatPipeline";
export { ViewBuffers } from "./viewBuffers";
export type { ICameraSettings, ICrowdMember, IPosedBounds, IViewSettings } from "./viewParams";
export { SplatQuadSource } from "./wgsl";
