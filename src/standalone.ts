/**
 * Entry of dist/standalone/flexavatar.js, the whole library in one file for plain HTML pages: Babylon is the global
 * BABYLON of its own script. A module of that name is checked first, because without it the others cannot even be
 * evaluated.
 */
import "./standaloneCheck.js";
export * from "./index.js";
