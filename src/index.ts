/** The front door: every public name. Importing it makes the loader, the parser and the block known to Babylon. */
import { RegisterFlexAvatarParser } from "./plugin/avatarParser.js";
import { RegisterFlexAvatarBlock } from "./plugin/flexAvatarBlock.js";
import { RegisterFlexAvatarLoader } from "./plugin/flexAvatarLoader.js";

export * from "./pure.js";

RegisterFlexAvatarParser();
RegisterFlexAvatarBlock();
RegisterFlexAvatarLoader();
