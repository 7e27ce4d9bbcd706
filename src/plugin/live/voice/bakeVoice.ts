/** A clip from a sound: what a voice would do, as keys that play, blend and are saved like any other clip. */
import { Animation } from "@babylonjs/core/Animations/animation.js";
import { AnimationGroup } from "@babylonjs/core/Animations/animationGroup.js";
import "@babylonjs/core/Animations/animatable.js"; // without it nothing plays
import type { Scene } from "@babylonjs/core/scene.js";
import { ArkitNames } from "../../../flame/expression.js";
import { FlexAvatarError, ThrowIfAborted } from "../../../flame/error.js";
import { FinishInSlicesAsync } from "../../../runtime/slices.js";
import { MouthMotion } from "../../../runtime/voice/mouthMotion.js";
import { SpeechShapes } from "../../../runtime/voice/mouthShapes.js";
import { ApplyTimings, ReadSpeechTimings, type SpeechTiming } from "../../../runtime/voice/speechTimings.js";
import type { ExpressionTracks } from "../../animation/expressionTracks.js";
import type { IMouthSettings } from "./voiceSettings.js";
import { LoadEngineAsync, MixToMono } from "./voiceSounds.js";

/** Settings of {@link BakeVoiceAsync}. A field left undefined keeps its default. */
export interface IBakeVoiceSettings extends IMouthSettings {
    /** Name of the group. Default `"voice"`. */
    name?: string;
    /** Keys per second, 10 to 100; keys that a straight line gives as well are left out. Default 60. */
    frameRate?: number;
    /** What the text-to-speech service told about its sound, see {@link ISpeechSettings.timings}. */
    timings?: readonly SpeechTiming[];
    /** Stops the work. */
    signal?: AbortSignal;
}

/** What a clip of a voice is made for: an avatar. */
export interface IVoiceTarget {
    /** Its tracks. */
    readonly expression: ExpressionTracks;
    /** Its scene. */
    getScene(): Scene;
}

/** A key is left out where the line between its neighbours is this near. */
const NearEnough = 0.004;

/**
 * Listens to a whole sound and makes a clip of the mouth. The same sound gives the same clip. Start both together, or
 * let {@link PlayWithAudio} keep them together.
 * @param buffer the sound; any context decodes it, an OfflineAudioContext too
 * @param avatar whose tracks are the targets
 * @param settings see the fields
 * @returns a group as long as the sound and a quarter of a second, in which the mouth closes; owned by the caller
 * @throws FlexAvatarError `invalid-argument` for a frame rate out of range, or timings of which none is known;
 *   `aborted`
 */
export async function BakeVoiceAsync(
    buffer: AudioBuffer,
    avatar: IVoiceTarget,
    settings: IBakeVoiceSettings = {},
): Promise<AnimationGroup> {
    const { name = "voice", frameRate = 60, strength = 1, shapes, timings = [], signal } = settings;
    if (!(frameRate >= 10 && frameRate <= 100)) {
        throw new FlexAvatarError("invalid-argument", `BakeVoiceAsync got frameRate ${frameRate} and needs 10 to 100.`);
    }
    const { visemes, unknown } = ReadSpeechTimings(timings);
    if (visemes.length === 0 && unknown.length > 0) {
        throw new FlexAvatarError(
            "invalid-argument",
            `No table knows these timings: ${unknown.slice(0, 20).join(", ")}.`,
        );
    }
    const engine = await LoadEngineAsync();
    const frames = await FinishInSlicesAsync(
        engine.BakeVisemes(MixToMono(buffer), buffer.sampleRate, engine.DecodeVisemeWeights()),
        () => ThrowIfAborted(signal, "listening to a sound"),
    );
    if (visemes.length > 0) {
        ApplyTimings(frames, visemes);
    }
    const motion = new MouthMotion({ ...SpeechShapes, ...shapes });
    const count = Math.ceil((buffer.duration + 0.25) * frameRate) + 1;
    const tracks = motion.used.map(() => new Float32Array(count));
    for (let key = 0; key < count; key++) {
        motion.move(frames, key / frameRate);
        motion.used.forEach((expression, index) => {
            tracks[index][key] = Math.min(1, strength * motion.weights[expression]);
        });
    }
    const group = new AnimationGroup(name, avatar.getScene());
    motion.used.forEach((expression, index) => {
        const track = avatar.expression.getTargetByName(ArkitNames[expression]);
        if (track) {
            const animation = new Animation(
                `${name} ${track.name}`,
                "influence",
                frameRate,
                Animation.ANIMATIONTYPE_FLOAT,
                Animation.ANIMATIONLOOPMODE_CYCLE,
            );
            animation.setKeys(KeepNeeded(tracks[index]).map((key) => ({ frame: key, value: tracks[index][key] })));
            group.addTargetedAnimation(animation, track);
        }
    });
    group.normalize(0, count - 1);
    return group;
}

/** @returns ascending keys between which straight lines give all values within {@link NearEnough} */
function KeepNeeded(values: Float32Array): number[] {
    const kept = [0];
    const split = (from: number, to: number): void => {
        let worst = NearEnough;
        let at = -1;
        for (let key = from + 1; key < to; key++) {
            const line = values[from] + ((values[to] - values[from]) * (key - from)) / (to - from);
            if (Math.abs(values[key] - line) > worst) {
                worst = Math.abs(values[key] - line);
                at = key;
            }
        }
        if (at >= 0) {
            split(from, at);
            kept.push(at);
            split(at, to);
        }
    };
    split(0, values.length - 1);
    if (values.length > 1) {
        kept.push(values.length - 1);
    }
    return kept;
}
