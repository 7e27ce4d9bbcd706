/**
 * Persons without Babylon, for workers and for Node: `import { PersonMaker } from "babylon-flexavatar/person"`. Where
 * there is no `OffscreenCanvas` and no `createImageBitmap`, bring ones: `bin/makePerson.mjs` shows how.
 */
export { FlexAvatarError, type FlexAvatarErrorCode } from "./flame/error.js";
export { ReadAvatarFile, WriteAvatarFile, type IAvatarFile } from "./runtime/format/avatarFile.js";
export { ReadCompanions } from "./runtime/flame/flameCompanions.js";
export { ReadFlame, type IFlame } from "./runtime/flame/flameFile.js";
export { ConvertFlame, type IConvertedFlame, type IFlameReport } from "./runtime/flame/flameHeadModel.js";
export { ParseHeadModel, type HeadModel } from "./flame/headModel.js";
export type { IMeshSettings } from "./runtime/mesh/meshFile.js";
export { PersonMaker, type IMakePersonSettings, type IPersonMakerSettings } from "./runtime/person/personMaker.js";
