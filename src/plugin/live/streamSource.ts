/**
 * A face that comes in packets: from a phone, a face tracker, a server. Packets are put into a small buffer by the time
 * they came, and the face is read a little later than now, between two of them, so that uneven packets move it evenly.
 * Where none come it holds, then relaxes.
 */
import { FlexAvatarError } from "../../flame/error.js";
import { ArkitNames } from "../../flame/expression.js";
import { ColumnValues, CreateSlots, WriteColumnsToFrame } from "./columnValues.js";
import { ReportUnknownColumns } from "./faceClip.js";
import { SlotCount } from "./faceColumns.js";
import { ReadLiveLinkPacket, ReadMocapPacket, ReadOscPacket } from "./facePackets.js";
import { ReadResult } from "./faceResults.js";
import { TakeFlameFrame } from "./flameColumns.js";
import type { FlameFaceMap } from "../../runtime/flame/flameFaceMap.js";
import { FlamePartOf, FrameOf, type IFlameFrame } from "../../runtime/flame/flameSequence.js";
import type { IFaceFrame, IFaceHost, IFaceSource, ISavedSource } from "./faceSource.js";

/** Settings of a {@link StreamSource}. A field left undefined keeps its default. */
export interface IStreamSettings {
    /** For messages. Default "stream". */
    name?: string;
    /**
     * Names of the numbers in packets that are lists. Default {@link ArkitNames}, in Apple's order; `"alphabetical"` is
     * the order of LAM's chat protocol.
     */
    names?: readonly string[] | "alphabetical";
    /**
     * Seconds that the face is behind the packets, 0 to 1. Default `"auto"`: one packet and twice what their distances
     * vary, at most 0.2.
     */
    delayS?: number | "auto";
    /** Seconds that the last face is held where packets stay away, default 0.25. */
    holdS?: number;
    /** Seconds in which it relaxes then, default 0.5. */
    relaxS?: number;
    /**
     * What FLAME's coefficients mean, from `LoadFlameFaceMapAsync`: then packets that are objects, or JSON, with fields
     * such as `expr`, `jaw_pose`, `rotation`, `neck_pose`, `eyes_pose` and `eyelids` move the face. The head turns from
     * where it was in the first packet. Default: none.
     */
    flame?: FlameFaceMap;
    /** Milliseconds now. Default `performance.now`; for tests and recordings of packets. */
    now?: () => number;
}

/** What went through a stream. */
export interface IStreamStatistics {
    /** Packets taken. */
    readonly packets: number;
    /** Packets that could not be read. */
    readonly broken: number;
    /** Packets per second, of late. */
    readonly rate: number;
    /** Seconds that the face is behind the packets now. */
    readonly delayS: number;
}

const Capacity = 64;
/** Messages this near each other are one frame: trackers send each parameter by itself. */
const SameFrameS = 0.004;
const MostDelayS = 0.2;
/** Packets that no longer tell anything about the distances of packets. */
const GapS = 0.5;
/** Share of the newest distance in the averages. */
const Newest = 0.1;

/** Takes packets and says the face in them. */
export class StreamSource implements IFaceSource {
    public readonly name: string;
    private readonly _columns = new ColumnValues();
    private readonly _names: readonly string[];
    private readonly _settings: Required<Pick<IStreamSettings, "delayS" | "holdS" | "relaxS" | "now">>;
    private readonly _composed = CreateSlots();
    /** A ring: times in seconds, what came and what was said. */
    private readonly _times = new Float64Array(Capacity).fill(-Infinity);
    private readonly _values = new Float32Array(Capacity * SlotCount);
    private readonly _says = new Uint8Array(Capacity * SlotCount);
    private _count = 0;
    private _head = -1;
    private readonly _mixed = new Float32Array(SlotCount);
    private readonly _mixedSays = new Float32Array(SlotCount);
    private readonly _hosts = new Set<IFaceHost>();
    private _told = 0;
    private _packets = 0;
    private _broken = 0;
    private _intervalS = 1 / 30;
    private _deviationS = 0;
    /** Sender's clock to ours, by the fastest packet; NaN without a sender's clock. */
    private _offsetS = NaN;
    private readonly _flame: FlameFaceMap | null;
    /** How the head stood in FLAME's first packet. */
    private _rest: Float64Array | null = null;
    private readonly _take = (name: string, value: number): void => {
        this._columns.set(name, value);
    };

    /** @throws FlexAvatarError `invalid-argument` */
    public constructor(settings: IStreamSettings = {}) {
        const { name = "stream", names = ArkitNames, delayS = "auto", holdS = 0.25, relaxS = 0.5 } = settings;
        for (const [key, value] of Object.entries({ delayS: delayS === "auto" ? 0 : delayS, holdS, relaxS })) {
            if (!(value >= 0 && value <= (key === "delayS" ? 1 : 60))) {
                throw new FlexAvatarError("invalid-argument", `${key} of a stream is ${String(value)}.`);
            }
        }
        this.name = name;
        this._flame = settings.flame ?? null;
        this._names = names === "alphabetical" ? [...ArkitNames].sort() : names;
        this._settings = { delayS, holdS, relaxS, now: settings.now ?? (() => performance.now()) };
    }

    /** See {@link IFaceSource}. It waits for packets again. */
    public save(): ISavedSource {
        const { delayS, holdS, relaxS } = this._settings;
        return { kind: "stream", settings: { name: this.name, names: [...this._names], delayS, holdS, relaxS } };
    }

    /** Counts. It allocates: not for every frame. */
    public get statistics(): IStreamStatistics {
        return {
            packets: this._packets,
            broken: this._broken,
            rate: 1 / this._intervalS,
            delayS: this._delayS,
        };
    }

    /**
     * Takes a packet. Never throws: what cannot be read is counted and told once.
     * @param packet bytes of a Live Link Face or OSC packet, text or bytes of iFacialMocap or JSON, a list of weights,
     * names with numbers, or a result of MediaPipe's face landmarker
     * @param timeS when the sender made it, seconds of its own clock, if it tells; evens out the way
     */
    public push(packet: ArrayBuffer | ArrayBufferView | string | object, timeS = NaN): void {
        const sent = this._read(packet);
        if (sent === null) {
            this._broken++;
            this._hosts.forEach((host) =>
                host.notify(
                    "packet-broken",
                    `A packet of "${this.name}" cannot be read and was left out. It is no packet of Live Link Face, OSC or ` +
                        "iFacialMocap, no list of weights, no result of MediaPipe, or it is cut off.",
                ),
            );
            return;
        }
        this._packets++;
        this._columns.composeToRef(this._composed.values, this._composed.says);
        const nowS = this._settings.now() / 1000;
        this._put(this._ourTime(timeS === timeS ? timeS : sent, nowS), nowS);
        if (this._columns.unknown.size !== this._told) {
            this._told = this._columns.unknown.size;
            this._hosts.forEach((host) => ReportUnknownColumns(host, this.name, [...this._columns.unknown]));
        }
    }

    /** See {@link IFaceSource}. */
    public attach(host: IFaceHost): void {
        this._hosts.add(host);
        ReportUnknownColumns(host, this.name, [...this._columns.unknown]);
    }

    /** See {@link IFaceSource}. */
    public detach(host: IFaceHost): void {
        this._hosts.delete(host);
    }

    /** See {@link IFaceSource}. */
    public readFrame(frame: IFaceFrame): boolean {
        if (this._count === 0) {
            return false;
        }
        const { holdS, relaxS, now } = this._settings;
        const time = now() / 1000 - this._delayS;
        const newest = this._slotBack(0);
        const age = time - this._times[newest];
        if (age > holdS + relaxS) {
            return false;
        }
        const kept = age <= holdS ? 1 : 1 - (age - holdS) / relaxS;
        let back = 0;
        while (back + 1 < this._count && this._times[this._slotBack(back)] > time) {
            back++;
        }
        const from = this._slotBack(back);
        const to = back > 0 && this._times[from] <= time ? this._slotBack(back - 1) : from;
        const span = this._times[to] - this._times[from];
        const share = span > 0 && span < GapS ? Math.min(1, Math.max(0, (time - this._times[from]) / span)) : 0;
        for (let slot = 0; slot < SlotCount; slot++) {
            const first = this._values[from * SlotCount + slot];
            this._mixed[slot] = first + share * (this._values[to * SlotCount + slot] - first);
            this._mixedSays[slot] = kept * this._says[from * SlotCount + slot];
        }
        WriteColumnsToFrame(this._mixed, this._mixedSays, frame);
        frame.sampledAtMs = 1000 * (this._times[from] + share * span);
        return true;
    }

    /** Forgets what came. The source can go on. */
    public dispose(): void {
        this._count = 0;
        this._offsetS = NaN;
        this._rest = null;
    }

    private get _delayS(): number {
        const { delayS } = this._settings;
        return delayS === "auto" ? Math.min(MostDelayS, this._intervalS + 2 * this._deviationS) : delayS;
    }

    /** @returns the sender's time, NaN if it tells none, or null if the packet is broken */
    private _read(packet: unknown): number | null {
        try {
            if (packet instanceof ArrayBuffer) {
                return this._readBytes(new DataView(packet));
            }
            if (ArrayBuffer.isView(packet) && !(packet instanceof Float32Array) && !(packet instanceof Float64Array)) {
                return this._readBytes(new DataView(packet.buffer, packet.byteOffset, packet.byteLength));
            }
            if (typeof packet === "string" && /^=?[a-zA-Z]/.test(packet)) {
                return ReadMocapPacket(packet, this._take) ? NaN : null;
            }
            const frame: unknown = typeof packet === "string" ? JSON.parse(packet) : packet;
            if (this._flame && this._readFlame(this._flame, frame)) {
                return FlameTime(frame);
            }
            const time = ReadResult(frame, this._names, this._take);
            return time === null ? null : time > 1e4 ? time / 1000 : time;
        } catch {
            return null;
        }
    }

    /** @returns false if the packet has no coefficients of FLAME */
    private _readFlame(map: FlameFaceMap, packet: unknown): boolean {
        const parts = new Map<string, ArrayLike<number>>();
        for (const [name, value] of typeof packet === "object" ? Object.entries(packet ?? {}) : []) {
            const part = FlamePartOf(name);
            if (part && (Array.isArray(value) || ArrayBuffer.isView(value))) {
                parts.set(part, value as unknown as ArrayLike<number>);
            }
        }
        const frame: IFlameFrame = FrameOf((part) => parts.get(part));
        if (!Object.values(frame).some((value) => value !== undefined)) {
            return false;
        }
        this._rest ??= frame.rotation ?? null;
        TakeFlameFrame(map, frame, this._rest ?? Upright, this._take);
        return true;
    }

    private _readBytes(bytes: DataView): number | null {
        if (bytes.byteLength === 0) {
            return null;
        }
        const first = bytes.getUint8(0);
        if (first === 0x2f || first === 0x23) {
            return ReadOscPacket(bytes, this._take) ? NaN : null; // "/" or "#"
        }
        if (first >= 0x3d) {
            return this._read(new TextDecoder().decode(bytes)); // "[", "{", "=" or a letter
        }
        const time = ReadLiveLinkPacket(bytes, this._take);
        return time === time ? time : null;
    }

    /** Our time of a packet: when the fastest packet with its sender's time would have come. */
    private _ourTime(sentS: number, nowS: number): number {
        if (!(sentS > 0)) {
            return nowS;
        }
        const offset = nowS - sentS;
        // Clocks drift, and senders begin anew.
        const isOther = !(Math.abs(offset - this._offsetS) < 2 * GapS);
        this._offsetS = isOther ? offset : Math.min(offset, this._offsetS + 0.0005);
        return Math.max(sentS + this._offsetS, nowS - 2 * GapS);
    }

    private _put(timeS: number, nowS: number): void {
        const newest = this._count > 0 ? this._slotBack(0) : -1;
        const distance = newest < 0 ? Infinity : timeS - this._times[newest];
        if (distance < -GapS) {
            this._count = 0; // another clock
        } else if (distance < -SameFrameS) {
            return; // overtaken on the way
        }
        const isSame = this._count > 0 && distance < SameFrameS;
        if (!isSame) {
            this._head = (this._head + 1) % Capacity;
            this._count = Math.min(Capacity, this._count + 1);
            this._times[this._head] = timeS;
            if (distance > 0 && distance < GapS) {
                const late = Math.max(Math.abs(distance - this._intervalS), nowS - timeS);
                this._deviationS += Newest * (late - this._deviationS);
                this._intervalS += Newest * (distance - this._intervalS);
            }
        }
        this._values.set(this._composed.values, this._head * SlotCount);
        this._says.set(this._composed.says, this._head * SlotCount);
    }

    /** Place in the ring of the packet that came so many before the newest. */
    private _slotBack(back: number): number {
        return (this._head - back + Capacity) % Capacity;
    }
}

const Upright = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);

/** The sender's time of a packet of FLAME's, in seconds, or NaN. */
function FlameTime(packet: unknown): number {
    const { time, timestamp } = packet as Readonly<Record<string, unknown>>;
    const told = time ?? timestamp;
    return typeof told === "number" ? (told > 1e4 ? told / 1000 : told) : NaN;
}
