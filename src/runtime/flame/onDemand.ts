/** The user's FLAME, in one part: pages load it with the first such file. */
export { ReadCompanions } from "./flameCompanions.js";
export { FlameFaceMap } from "./flameFaceMap.js";
export { ReadFlame } from "./flameFile.js";
export { ConvertFlame } from "./flameHeadModel.js";
