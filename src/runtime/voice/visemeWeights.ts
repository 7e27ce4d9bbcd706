/** The weights of the voice network, as this release ships them. Apart from the network, so that few load them. */
import { MelBands } from "./melFrames.js";
import { VoiceVisemes } from "./visemeFrames.js";
import type { IVisemeWeights } from "./visemeNetwork.js";
import { ContextOffsets, HiddenCount, NetworkBase64 } from "./voiceNetwork.js";

/** Unpacks the weights of this release. */
export function DecodeVisemeWeights(): IVisemeWeights {
    const bytes = Uint8Array.from(atob(NetworkBase64), (letter) => letter.charCodeAt(0));
    let at = 0;
    const layer = (rows: number, columns: number): [Float32Array, Float32Array] => {
        const integers = new Int8Array(bytes.buffer, at, rows * columns);
        at += rows * columns;
        const floats = new Float32Array(bytes.slice(at, at + 8 * rows).buffer);
        at += 8 * rows;
        const weights = Float32Array.from(integers, (value, index) => value * floats[Math.floor(index / columns)]);
        return [weights, floats.slice(rows)];
    };
    const [hidden, hiddenBias] = layer(HiddenCount, ContextOffsets.length * MelBands);
    const [out, outBias] = layer(VoiceVisemes.length, HiddenCount);
    return { offsets: Int32Array.from(ContextOffsets), hidden, hiddenBias, out, outBias };
}
