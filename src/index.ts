/** The front door: every public name. Importing it makes the loader, the parser and the block known to Babylon. */
import { RegisterFlexAvatarParser } from "./plugin/files/avatarParser.js";
import { RegisterFlexAvatarBlock } from "./plugin/frameGraph/flexAvatarBlock.js";
import { RegisterFlexAvatarLoader } from "./plugin/files/flexAvatarLoader.js";

export * from "./pure.js";

RegisterFlexAvatarParser();
RegisterFlexAvatarBlock();
RegisterFlexAvatarLoader();
