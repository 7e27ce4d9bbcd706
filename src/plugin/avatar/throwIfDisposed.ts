/** Refuses calls on an avatar that is gone. */
import type { Node } from "@babylonjs/core/node.js";
import { FlexAvatarError } from "../../flame/error.js";
import type { AvatarEvaluator } from "../../runtime/driver/avatarEvaluator.js";

/** @throws FlexAvatarError `disposed` */
export function ThrowIfDisposed(avatar: Node): void {
    if (avatar.isDisposed()) {
        throw new FlexAvatarError("disposed", `The avatar "${avatar.name}" is disposed.`);
    }
}

/** The avatar's evaluator, for what cannot be done without. @throws FlexAvatarError `disposed`, also without a device */
export function RequireEvaluator(avatar: Node, evaluator: AvatarEvaluator | null): AvatarEvaluator {
    ThrowIfDisposed(avatar);
    if (!evaluator) {
        throw new FlexAvatarError(
            "disposed",
            `The avatar "${avatar.name}" has lost its GPU device and is not back yet.`,
        );
    }
    return evaluator;
}
