/**
 * How loud the speaker is, how loud the room, and whether somebody speaks. Makes what follows independent of the
 * microphone's gain, and keeps the mouth shut in a quiet room.
 */

/** Level of a stream before anything was heard, in dB of full scale. */
const StartLevelDb = -30;
const LowestLevelDb = -55;
/** Per frame of 10 ms. */
const LevelSinksDb = 0.06;

const LowestFloorDb = -65;
/** A stream is taken to begin with its room for this many frames, where that is not louder than this. */
const RoomFrames = 15;
const LoudestRoomDb = -38;
/** The room may be this loud; louder steady sound is taken for speech again. */
const HighestFloorDb = -25;
/** Nothing below this is speech. */
const QuietDb = -62;
const OpensDb = 9;
const ClosesDb = 6;
/** Speech is at most this far below the speaker's level. */
const ReachDb = 42;
/** Frames that the gate stays open: the pause inside "p" is no silence. */
const HangFrames = 8;
/** Per frame: down fast, up slowly, up fast where the sound is steady as no speech is. */
const FloorSinks = 0.25;
const FloorRisesDb = 0.02;
const FloorFollows = 0.06;
/** Mean distance from the mean in steady sound, where both means reach back a third of a second. Speech has more. */
const SteadyDb = 3.2;
const MeanShare = 0.03;

/** Follows a stream frame by frame. Levels are in dB of full scale, of the bands that speech uses. */
export class VoiceLevel {
    /** Level of the speaker: a peak that sinks 6 dB a second. */
    public levelDb: number;
    /** Level of the room. */
    public floorDb: number;
    /** Whether somebody speaks, or has spoken just now. */
    public open = false;
    /** Loudness of the last frame in the speaker's own range: 0 the room, 1 the loudest. */
    public loudness = 0;
    private _meanDb = NaN;
    private _swingDb = 2 * SteadyDb;
    private _hang = 0;
    private _learns: number;

    /**
     * @param levelDb the speaker's level where it is known
     * @param floorDb the room's, where it is known; else it is learned from the first frames
     */
    public constructor(levelDb = StartLevelDb, floorDb?: number) {
        this.levelDb = levelDb;
        this.floorDb = RoomOf(floorDb ?? LowestFloorDb);
        this._learns = floorDb === undefined ? RoomFrames : 0;
    }

    /** @param db loudness of the next frame */
    public push(db: number): void {
        this.levelDb = Math.max(LowestLevelDb, db, this.levelDb - LevelSinksDb);
        if (Number.isNaN(this._meanDb)) {
            this._meanDb = db;
        }
        this._meanDb += MeanShare * (db - this._meanDb);
        this._swingDb += MeanShare * (Math.abs(db - this._meanDb) - this._swingDb);
        if (this._learns > 0) {
            this._learns--;
            this.floorDb = Math.max(this.floorDb, RoomOf(db));
        } else if (db < this.floorDb) {
            this.floorDb += FloorSinks * (db - this.floorDb);
        } else {
            const follows = this._swingDb < SteadyDb ? FloorFollows * (this._meanDb - this.floorDb) : 0;
            this.floorDb = Math.min(HighestFloorDb, this.floorDb + Math.max(FloorRisesDb, follows));
        }
        this.floorDb = Math.max(LowestFloorDb, this.floorDb);

        const least = Math.max(QuietDb, this.levelDb - ReachDb);
        if (db > Math.max(least, this.floorDb + OpensDb)) {
            this._hang = HangFrames;
            this.open = true;
        } else if (db > Math.max(least, this.floorDb + ClosesDb)) {
            this._hang = Math.max(this._hang, this.open ? 2 : 0);
        }
        if (this._hang > 0) {
            this._hang--;
        } else {
            this.open = false;
        }
        const bottom = Math.max(this.floorDb, this.levelDb - ReachDb);
        this.loudness = Math.min(1, Math.max(0, (db - bottom) / Math.max(6, this.levelDb - bottom)));
    }
}

function RoomOf(db: number): number {
    return Math.min(LoudestRoomDb, Math.max(LowestFloorDb, db));
}
