/** Two files of the user, as an animation group: FLAME, and what a tracker wrote with it. */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import { LoadFaceClipAsync, LoadFlameFaceMapAsync, type FlexAvatar } from "babylon-flexavatar";
import type { Panel } from "./panel";
import { FlexAvatarUrl } from "./stage";

export async function LoadFlameTakeAsync(files: readonly File[], avatar: FlexAvatar, panel: Panel) {
    const [sequence, model] = [...files].sort((a, b) => a.size - b.size); // the model is the larger one
    const flame = await LoadFlameFaceMapAsync(model, { assetsUrl: FlexAvatarUrl });
    const clip = await LoadFaceClipAsync(sequence, { flame });
    panel.say(`The 52 tracks make ${Math.round(100 * (1 - clip.residual))} % of its movement.`);
    return (): AnimationGroup => clip.toAnimationGroup(avatar);
}
