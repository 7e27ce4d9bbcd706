/** Heads of other programs, in one part: pages load it with the first such file. */
export { PlaceHeadAsync, SplatPerson } from "./makeSplats.js";
export { PlacementOf } from "./placement.js";
export { CheckSplatSource, ReadSplatsAsync } from "./readSplats.js";
export { BuildSplatHead } from "./splatHead.js";
export { WriteSpzAsync } from "./spzFile.js";
