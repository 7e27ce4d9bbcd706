/** Notices digital silence: nothing that a living microphone or a file that may be read would give. */
import { SilenceDb } from "../../../runtime/voice/melFrames.js";

/** A twentieth of a dB: noise at -96 dB of full scale adds more. */
const SilentDb = SilenceDb + 0.05;

/** Seconds without a sample that is not zero after which somebody should know. */
export const SilentS = 4;

/** Watches loudness on the sound's clock. */
export class SilenceWatch {
    private _sinceS = NaN;

    /**
     * @param db loudness of the sound now
     * @param timeS second of the sound's clock
     * @returns true once for each time that it has been silent for {@link SilentS}
     */
    public isTooLong(db: number, timeS: number): boolean {
        if (db > SilentDb || Number.isNaN(this._sinceS)) {
            this._sinceS = timeS;
        } else if (timeS - this._sinceS > SilentS) {
            this._sinceS = Infinity;
            return true;
        }
        return false;
    }
}
