/** What the plugin uses of the GPU pipeline. */
export { AvatarBuffers } from "./avatarBuffers";
export { HeadBuffers } from "./headBuffers";
export { SplatDrawPass, type ISplatTarget } from "./splatDrawPass";
export type { ISplatSorter, SplatSorterName } from "./sort/splatSorter";
export { SplatPipeline } from "./splatPipeline";
export { ViewBuffers } from "./viewBuffers";
export { WriteViewParams, type IPosedBounds, type IViewSettings } from "./viewParams";
export { SplatQuadSource } from "./wgsl";
