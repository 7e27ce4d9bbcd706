/** What the driver adds to a person in one pose, where no avatar runs it: for refinement and meshes, not for frames. */
import type { ExpressionPose } from "../../flame/expression.js";
import type { HeadModel } from "../../flame/headModel.js";
import { TexelTableOf } from "../../flame/personalHead.js";
import { OtherPose } from "../driver/driverPose.js";
import type { IAvatarFile } from "../format/avatarFile.js";
import type { ModelRuntime } from "../models/modelRuntime.js";
import type { ICallOptions } from "../models/progress.js";
import { MouthColors, MouthPose } from "./mouthColors.js";

/** The networks and their head model. */
export interface IDriverSource {
    readonly networks: Pick<ModelRuntime, "model" | "createDriverAsync">;
    readonly head: HeadModel;
}

/**
 * Loads the driver if it is not there, and runs it on the processor once for each pose.
 * @returns [14,H,W] each
 * @throws whatever loading and running a network throws
 */
export async function AskDriverAsync(
    { networks, head }: IDriverSource,
    { identityFeatures }: Pick<IAvatarFile, "identityFeatures">,
    poses: readonly ExpressionPose[],
    options: ICallOptions,
): Promise<Float32Array[]> {
    const driver = await networks.createDriverAsync(identityFeatures, options);
    try {
        const positionTable = TexelTableOf(head, networks.model.positionMapSize);
        const answers: Float32Array[] = [];
        for (const pose of poses) {
            answers.push(await driver.readAsync(new OtherPose({ model: head, positionTable }, pose, null)));
        }
        return answers;
    } finally {
        driver.dispose();
    }
}

/** What a mesh of the person shows inside of its mouth: [3,H,W] of colors, for the file. Throws as {@link AskDriverAsync}. */
export async function AskMouthAsync(
    source: IDriverSource,
    person: Pick<IAvatarFile, "identityFeatures" | "mapSize">,
    options: ICallOptions,
): Promise<Float32Array> {
    const { head } = source;
    const [answer] = await AskDriverAsync(source, person, [MouthPose(head)], options);
    return MouthColors(head, TexelTableOf(head, person.mapSize), answer);
}
