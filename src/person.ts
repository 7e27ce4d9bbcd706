/**
 * Persons without Babylon, for workers and for Node: `import { PersonMaker } from "babylon-flexavatar/person"`. Where
 * there is no `OffscreenCanvas` and no `createImageBitmap`, bring ones: `bin/makePerson.mjs` shows how.
 */
export { FlexAvatarError, type FlexAvatarErrorCode } from "./flame/error.js";
export { ReadAvatarFile, WriteAvatarFile, type IAvatarFile } from "./runtime/format/avatarFile.js";
export type { IMeshSettings } from "./runtime/mesh/meshFile.js";
export { PersonMaker, type IMakePersonSettings, type IPersonMakerSettings } from "./runtime/person/personMaker.js";
