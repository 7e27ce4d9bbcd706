/** Part of standalone.ts: says what is missing before a class is derived from nothing. */
import { FlexAvatarError } from "./flame/error.js";

/** What is used of the global; newer releases have it, older ones do not. */
const Newest = "RegisterSceneLoaderPlugin";

const { BABYLON } = globalThis as { BABYLON?: Readonly<Record<string, unknown>> };
if (BABYLON?.[Newest] === undefined) {
    const found = BABYLON === undefined ? "found no global BABYLON" : "found a global BABYLON that is too old";
    const advice = 'Put <script src="https://cdn.babylonjs.com/babylon.js"></script> before the module script.';
    // A console shows the message alone.
    throw new FlexAvatarError("invalid-argument", `The standalone build of babylon-flexavatar ${found}. ${advice}`, {
        advice,
    });
}
