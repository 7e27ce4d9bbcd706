/**
 * A voice: moves the mouth to sound. What it hears comes from an audio worklet, on the clock of the sound; the mouth is
 * read from that in each frame. One file, though long: kinds of sound, the state of the context and what is told about
 * it cannot be read apart.
 */
import { Observable } from "@babylonjs/core/Misc/observable.js";
import { FlexAvatarError, ThrowIfAborted } from "../../../flame/error.js";
import { FinishInSlicesAsync } from "../../../runtime/slices.js";
import { MouthMotion } from "../../../runtime/voice/mouthMotion.js";
import { SpeechShapes } from "../../../runtime/voice/mouthShapes.js";
import { type ITimedWord, ApplyTimings, ReadSpeechTimings } from "../../../runtime/voice/speechTimings.js";
import type { VisemeFrames } from "../../../runtime/voice/visemeFrames.js";
import { BufferedAhead, LiveAhead } from "../../../runtime/voice/voiceAhead.js";
import type { IFaceFrame, IFaceHost, IFaceSource, ISavedSource } from "../faceSource.js";
import { PlainSettings } from "../savedSource.js";
import { VoiceClock } from "./voiceClock.js";
import { OpenMicrophoneAsync } from "./microphone.js";
import { SilenceWatch, SilentS } from "./silenceWatch.js";
import { SpeechQueue } from "./speechQueue.js";
import { type IVoiceEar, PageEar, WorkletEar } from "./voiceEar.js";
import type { ISpeechSettings, IVoiceSettings, SpeechSound, VoiceInput, VoiceState } from "./voiceSettings.js";
import { DecodeAsync, IsVoiceInput, LoadEngineAsync, MessageOf, MixToMono } from "./voiceSounds.js";

const AudioDelayS = 0.08;
const LeadS = 0.03;
const MostLeadS = 0.2;
/** What a frame needs before it can be judged, besides the frames ahead. */
const WindowS = 0.02;

/** Bands end at 7.4 kHz. */
const LeastRate = 16_000;

/** Seconds in which the mouth is given back to others when nobody speaks. */
const ReleaseS = 0.25;
const SpeaksAt = 0.03;

/** A context that has not begun to play by then is held back by the browser. */
const HeldBackMs = 500;

/** A media element can be taken once in its life: by whom it was, and what keeps it heard. */
const Elements = new WeakMap<HTMLMediaElement, MediaElementAudioSourceNode>();

/**
 * Drives the mouth of an avatar from sound: `avatar.addSource(new VoiceSource(microphone))`. Problems never stop the
 * avatar: they are notices of the component, see docs/errors.md.
 */
export class VoiceSource implements IFaceSource {
    /** As in the settings. */
    public readonly name: string;
    /** Notified of words of {@link speakAsync} when they are heard. Called while a frame is made: be brief. */
    public readonly onWordObservable = new Observable<ITimedWord>();
    /** Notified when {@link state} changes. */
    public readonly onStateObservable = new Observable<VoiceState>();

    private readonly _settings: IVoiceSettings;
    private readonly _motion: MouthMotion;
    private readonly _strength: number;
    private readonly _leadS: number;
    private readonly _speech = new SpeechQueue();
    private readonly _silence = new SilenceWatch();
    private readonly _hosts = new Set<IFaceHost>();
    private readonly _told = new Map<string, string>();
    /** Undone in reverse order when the source is disposed. */
    private readonly _undo: (() => void)[] = [];
    private readonly _onWord = (word: ITimedWord): void => {
        this.onWordObservable.notifyObservers(word);
    };
    private _context: AudioContext | null = null;
    private _clock: VoiceClock | null = null;
    private _ear: IVoiceEar | null = null;
    /** A microphone is never quite silent; a node may be for ever. */
    private _expectsSound: () => boolean = () => false;
    private _waitsS = 0;
    private _state: VoiceState = "starting";
    private _presence = 0;
    private _readAtMs = 0;
    private _hasRun = false;

    /**
     * Starts to listen at once. A media element is heard through the source's context from now on, as browsers want it;
     * an audio buffer is played.
     * @param sound what is heard; null: nothing but {@link speakAsync}. Borrowed
     * @param settings see the fields
     * @throws FlexAvatarError `invalid-argument` for another kind of sound or a setting out of range
     */
    public constructor(sound: VoiceInput | null, settings: IVoiceSettings = {}) {
        const { name = "voice", shapes, strength = 1, leadS = LeadS, delayS = 0 } = settings;
        if (!(strength >= 0) || !(leadS >= 0 && leadS <= MostLeadS) || !(delayS >= 0 && delayS <= 1)) {
            throw new FlexAvatarError(
                "invalid-argument",
                `VoiceSource got strength ${strength}, leadS ${leadS}, delayS ${delayS}; wanted are 0 or more, 0 to ` +
                    `${MostLeadS}, and 0 to 1.`,
            );
        }
        if (sound !== null && !IsVoiceInput(sound)) {
            throw new FlexAvatarError(
                "invalid-argument",
                "VoiceSource needs an AudioNode, a media element, a MediaStream, an AudioBuffer or null.",
            );
        }
        this.name = name;
        this._settings = settings;
        this._motion = new MouthMotion({ ...SpeechShapes, ...shapes });
        this._strength = strength;
        this._leadS = leadS;
        if (sound instanceof AudioBuffer) {
            this.speakAsync(sound).catch((error: unknown) => this._fail(error));
        } else if (sound === null) {
            this._setState("running");
        } else {
            this._hearAsync(sound).catch((error: unknown) => this._fail(error));
        }
    }

    /**
     * A voice from the visitor's microphone, which is asked for. It is let go of with the source.
     * @param settings of the source
     * @param constraints of the microphone. Default: echo and noise are taken out
     * @throws FlexAvatarError `microphone-refused` if the visitor or the page's policy says no, `microphone-missing` if
     *   there is none or another program holds it
     */
    public static async FromMicrophoneAsync(
        settings: IVoiceSettings = {},
        constraints: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    ): Promise<VoiceSource> {
        const stream = await OpenMicrophoneAsync(constraints);
        const source = new VoiceSource(stream, settings);
        source._undo.push(() => stream.getTracks().forEach((track) => track.stop()));
        return source;
    }

    /** See {@link IFaceSource}. The sound is not kept. */
    public save(): ISavedSource {
        return { kind: "voice", settings: { ...PlainSettings(this._settings), name: this.name } };
    }

    /** How the voice is. */
    public get state(): VoiceState {
        return this._state;
    }

    /** The context that is heard and spoken through, once there is one. Borrowed. */
    public get context(): AudioContext | null {
        return this._context;
    }

    /**
     * Lets a context play that the browser holds back until the visitor does something. Call it from a click.
     * @throws FlexAvatarError `disposed`
     */
    public async resumeAsync(): Promise<void> {
        this._throwIfDisposed();
        await this._takeContext().resume();
    }

    /**
     * Plays a sound and moves the mouth to it, behind what is still being said. The whole sound is known, so the mouth
     * is ready before each word.
     * @param sound decoded, or the bytes of a file
     * @param settings what the text-to-speech service knows about it
     * @returns settled when it was heard to its end
     * @throws FlexAvatarError `sound-unreadable` if the browser cannot decode it, `invalid-argument` if none of the
     *   timings is known, `aborted`, `disposed`
     */
    public async speakAsync(sound: SpeechSound, settings: ISpeechSettings = {}): Promise<void> {
        this._throwIfDisposed();
        const { timings = [], signal } = settings;
        const { visemes, words, unknown } = ReadSpeechTimings(timings);
        if (unknown.length > 0) {
            const message = `Timings of speech that no table knows: ${unknown.slice(0, 20).join(", ")}.`;
            if (visemes.length === 0) {
                throw new FlexAvatarError("invalid-argument", message);
            }
            this._notify("voice-timings", message);
        }
        const destination = settings.destination ?? this._takeContext().destination;
        const [buffer, engine] = await Promise.all([DecodeAsync(sound, destination.context), LoadEngineAsync()]);
        const frames = await FinishInSlicesAsync(
            engine.BakeVisemes(MixToMono(buffer), buffer.sampleRate, engine.DecodeVisemeWeights()),
            () => ThrowIfAborted(signal, "listening to a sound"),
        );
        this._throwIfDisposed();
        ThrowIfAborted(signal, "listening to a sound");
        if (visemes.length > 0) {
            ApplyTimings(frames, visemes);
        }
        await this._speech.playAsync(buffer, frames, words, destination, signal);
    }

    /** Stops what {@link speakAsync} plays; its promises are refused with `aborted`. */
    public stopSpeech(): void {
        this._speech.stop();
    }

    /**
     * Says jaw, lips and tongue of what is heard now; see {@link IFaceSource.readFrame}. Only the page's clock counts.
     * @param frame to be written
     * @returns false where nothing can be heard
     */
    public readFrame(frame: IFaceFrame): boolean {
        const clock = this._clock;
        if (!clock || this._state === "failed") {
            return false;
        }
        const nowMs = performance.now();
        const contextS = clock.timeS(nowMs);
        const playedS = contextS - clock.outputS + this._leadS;
        let timeS = playedS;
        let frames: VisemeFrames | null = this._speech.framesAt(playedS, this._onWord);
        if (!frames && this._ear) {
            this._ear.listen();
            if (this._expectsSound() && this._silence.isTooLong(this._ear.db, contextS)) {
                this._tellSilence();
            }
            frames = this._ear.frames;
            // What only comes in is followed as closely as it can be.
            timeS = this._waitsS < 0 ? contextS : playedS - this._waitsS;
        }
        const speaks = frames !== null && frames.count > 0;
        if (speaks) {
            this._motion.move(frames!, timeS);
        }
        if (speaks && this._motion.speaking > SpeaksAt) {
            this._presence = 1;
        } else {
            // On the page's clock: a voice may serve several avatars.
            this._presence = Math.max(0, this._presence - (nowMs - this._readAtMs) / 1000 / ReleaseS);
        }
        this._readAtMs = nowMs;
        const { used, weights } = this._motion;
        for (let index = 0; index < used.length; index++) {
            const expression = used[index];
            frame.weights[expression] = Math.min(1, this._strength * weights[expression]);
            frame.says[expression] = this._presence;
        }
        frame.sampledAtMs = speaks ? nowMs + 1000 * (Math.min(timeS, frames!.timeOf(frames!.count)) - contextS) : NaN;
        return true; // in silence too: the mixer would fade the first word in
    }

    /** Notices go to this avatar's component from now on, those of before at once. */
    public attach(host: IFaceHost): void {
        this._hosts.add(host);
        for (const [code, message] of this._told) {
            host.notify(code, message);
        }
    }

    /** Notices do not go there any more. */
    public detach(host: IFaceHost): void {
        this._hosts.delete(host);
    }

    /** Stops listening and speaking. A media element stays heard; a context that the source has made is closed. */
    public dispose(): void {
        if (this._state === "disposed") {
            return;
        }
        this._setState("disposed");
        this._speech.stop();
        this._ear?.dispose();
        this._ear = null;
        this._clock = null;
        for (const undo of this._undo.reverse()) {
            undo();
        }
        this._hosts.clear();
        this.onStateObservable.clear();
        this.onWordObservable.clear();
    }

    /** Listens to what is not played by the source. */
    private async _hearAsync(sound: AudioNode | HTMLMediaElement | MediaStream): Promise<void> {
        const { audible = !(sound instanceof MediaStream), workletUrl } = this._settings;
        const { delayS = sound instanceof HTMLAudioElement ? AudioDelayS : 0 } = this._settings;
        this._waitsS = audible ? delayS : -1;
        const node = this._nodeOf(sound, delayS);
        const { context } = node;
        if (context.sampleRate < LeastRate) {
            this._notify(
                "voice-rate",
                `The sound has ${context.sampleRate} samples a second; below ${LeastRate} hissing sounds are missing.`,
            );
        }
        const engine = await LoadEngineAsync();
        const ahead = audible ? Math.round((delayS - WindowS) * 100) : LiveAhead;
        const options = {
            weights: engine.DecodeVisemeWeights(),
            ahead: Math.min(BufferedAhead, Math.max(LiveAhead, ahead)),
        };
        const listenOnPage = (error: unknown) => {
            if (this._state !== "disposed") {
                this._ear?.dispose();
                this._ear = new PageEar(
                    node,
                    new engine.VoiceAnalyser(context.sampleRate, options.weights, options.ahead),
                );
                this._notify(
                    "voice-on-page",
                    `The audio worklet does not run (${MessageOf(error)}); the page itself listens. Allow blob: in ` +
                        "the script-src of the page's policy, or pass workletUrl.",
                );
            }
        };
        try {
            await engine.LoadVoiceWorkletAsync(context, workletUrl);
            if (this._state === "disposed") {
                return;
            }
            this._ear = new WorkletEar(node, options, () => listenOnPage("it stopped with an error"));
        } catch (error) {
            listenOnPage(error);
        }
        this._watchContext();
    }

    /** The node that is heard, connected to nothing of ours yet but the loudspeaker where the source has to. */
    private _nodeOf(sound: AudioNode | HTMLMediaElement | MediaStream, delayS: number): AudioNode {
        if (sound instanceof AudioNode) {
            this._takeContext(sound.context as AudioContext);
            return sound;
        }
        if (sound instanceof MediaStream) {
            const node = this._takeContext().createMediaStreamSource(sound);
            this._undo.push(() => node.disconnect());
            this._watchTracks(sound);
            this._expectsSound = () => true;
            return node;
        }
        const before = Elements.get(sound);
        const context = this._takeContext(before?.context as AudioContext | undefined, true);
        const node = before ?? context.createMediaElementSource(sound);
        Elements.set(sound, node);
        const delay = new DelayNode(context, { delayTime: delayS, maxDelayTime: Math.max(1 / 128, delayS) });
        node.disconnect();
        node.connect(delay).connect(context.destination);
        this._expectsSound = () => !sound.paused && !sound.muted;
        // The visitor's click on "play" lets the context play too.
        const resume = () => void context.resume().catch(() => undefined);
        sound.addEventListener("play", resume);
        this._undo.push(() => {
            sound.removeEventListener("play", resume);
            node.disconnect();
            delay.disconnect();
            node.connect(context.destination);
        });
        return node;
    }

    /** The context of this source: one that is given, the settings', or a new one. */
    private _takeContext(given?: AudioContext, stays = false): AudioContext {
        if (!this._context) {
            const context = given ?? this._settings.context ?? new AudioContext({ latencyHint: "interactive" });
            this._context = context;
            this._clock = new VoiceClock(context);
            if (!given && !this._settings.context && !stays) {
                this._undo.unshift(() => void context.close().catch(() => undefined));
            }
            const changed = () => this._watchContext();
            context.addEventListener("statechange", changed);
            this._undo.push(() => context.removeEventListener("statechange", changed));
            this._watchContext();
        }
        return this._context;
    }

    private _watchContext(): void {
        if (this._state === "disposed" || this._state === "failed" || !this._context) {
            return;
        }
        const { state } = this._context;
        if (state === "closed") {
            this._fail("its audio context was closed");
        } else if (state === "running") {
            this._hasRun = true;
            this._setState(this._ear || this._state !== "starting" ? "running" : "starting");
        } else if (this._hasRun) {
            this._setState("suspended");
        } else {
            // A new context says so for a moment also where it may play.
            setTimeout(() => this._tellHeldBack(), HeldBackMs);
        }
    }

    private _tellHeldBack(): void {
        if (this._state === "disposed" || this._state === "failed" || this._context?.state !== "suspended") {
            return;
        }
        this._setState("suspended");
        this._notify(
            "voice-suspended",
            "The browser plays no sound before the visitor does something. Call resumeAsync() from a click.",
        );
    }

    private _watchTracks(stream: MediaStream): void {
        for (const track of stream.getAudioTracks()) {
            const ended = () =>
                this._notify(
                    "voice-unplugged",
                    `The device "${track.label}" has ended: it was unplugged or taken away.`,
                );
            track.addEventListener("ended", ended);
            this._undo.push(() => track.removeEventListener("ended", ended));
        }
    }

    private _tellSilence(): void {
        this._notify(
            "voice-silent",
            `Nothing but digital silence came for ${SilentS} seconds: the device is muted, or the media file comes ` +
                "from another site without CORS.",
        );
    }

    private _fail(reason: unknown): void {
        if (this._state !== "disposed") {
            this._setState("failed");
            this._notify("voice-failed", `The voice cannot be heard: ${MessageOf(reason)}.`);
        }
    }

    private _notify(code: string, message: string): void {
        if (!this._told.has(code)) {
            this._told.set(code, message);
            for (const host of this._hosts) {
                host.notify(code, message);
            }
        }
    }

    private _setState(state: VoiceState): void {
        if (this._state !== state) {
            this._state = state;
            this.onStateObservable.notifyObservers(state);
        }
    }

    private _throwIfDisposed(): void {
        if (this._state === "disposed") {
            throw new FlexAvatarError("disposed", `The voice "${this.name}" is disposed.`);
        }
    }
}
