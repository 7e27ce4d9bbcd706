/**
 * Expression tracks: the named sliders of an avatar, shaped so that Babylon's animation system and tools written for a
 * MorphTargetManager can drive them. They only hold numbers; the component samples them once a frame.
 */
import type { Animation } from "@babylonjs/core/Animations/animation.js";
import type { MorphTargetManager } from "@babylonjs/core/Morph/morphTargetManager.js";
import type { Scene } from "@babylonjs/core/scene.js";
import { FlexAvatarError } from "../../flame/error.js";
import { ArkitNameOf } from "../../flame/expression.js";

/**
 * One named expression. Any AnimationGroup can target its `influence`; a MorphTarget clip is turned into such a group
 * by `FlexAvatar.bindAnimationGroup`.
 */
export class ExpressionTrack {
    /** Name of the expression in the head model, as in `jawOpen`. */
    public readonly name: string;
    /** Name of the avatar and of the expression, as in `ada.jawOpen`: by it `AnimationGroup.Parse` finds the track. */
    public readonly id: string;
    /** What `scene.beginAnimation(track, …)` plays, as on a MorphTarget. */
    public animations: Animation[] = [];
    /** Smallest influence that has an effect. */
    public readonly min: number;
    /** Largest influence that has an effect. */
    public readonly max: number;

    private readonly _values: Float32Array;
    private readonly _index: number;
    private readonly _onChange: () => void;

    /** @internal Tracks are made by {@link ExpressionTracks}. */
    public constructor(
        name: string,
        index: number,
        values: Float32Array,
        onChange: () => void,
        owner = "expression",
        min = 0,
        max = 1,
    ) {
        this.name = name;
        this.id = `${owner}.${name}`;
        this.min = min;
        this.max = max;
        this._values = values;
        this._index = index;
        this._onChange = onChange;
    }

    /**
     * Weight of the expression. Values outside `min`..`max` are kept, so that blends add up, and clamped where the face
     * is posed. Default 0.
     */
    public get influence(): number {
        return this._values[this._index];
    }

    public set influence(value: number) {
        if (this._values[this._index] !== value) {
            this._values[this._index] = value;
            this._onChange();
        }
    }

    /** Babylon's animations call this after each write. */
    public markAsDirty(_property?: string): void {
        this._onChange();
    }

    /** @returns the class name, as Babylon's objects do */
    public getClassName(): string {
        return "ExpressionTrack";
    }
}

/** All tracks of one avatar, with the read surface of a MorphTargetManager. */
export class ExpressionTracks {
    /** Raw influences, one per expression in the order of the head model. Read only: write through the tracks. */
    public readonly influences: Float32Array;
    private readonly _tracks: ExpressionTrack[];
    private readonly _trackByName: ReadonlyMap<string, ExpressionTrack>;
    private _revision = 1;

    /**
     * @param names expression names in the order of the head model
     * @param owner name of the avatar; the ids of the tracks begin with it
     * @param _scene lists the tracks among its morph targets, where `AnimationGroup.Parse` and
     * `scene.getMorphTargetById` look; null lists them nowhere
     */
    public constructor(
        names: readonly string[],
        owner?: string,
        private _scene: Scene | null = null,
    ) {
        this.influences = new Float32Array(names.length);
        const onChange = () => {
            this._revision++;
        };
        this._tracks = names.map((name, index) => new ExpressionTrack(name, index, this.influences, onChange, owner));
        this._trackByName = new Map(this._tracks.map((track) => [track.name, track]));
        _scene?.addMorphTargetManager(this as unknown as MorphTargetManager);
    }

    /** Number of tracks. */
    public get numTargets(): number {
        return this._tracks.length;
    }

    /** Grows whenever an influence was written. */
    public get revision(): number {
        return this._revision;
    }

    /**
     * @param index position in the order of the head model
     * @returns the track
     */
    public getTarget(index: number): ExpressionTrack {
        return this._tracks[index];
    }

    /**
     * @param name exact name, or any usual spelling of it (`JawOpen`, `mouthSmile_L`, `blendShape.eyeBlink_R`)
     * @returns the track, or null
     */
    public getTargetByName(name: string): ExpressionTrack | null {
        return this._trackByName.get(name) ?? this._trackByName.get(ArkitNameOf(name) ?? "") ?? null;
    }

    /**
     * As {@link getTargetByName}, for names that must exist.
     * @throws FlexAvatarError `invalid-argument` if there is no such track
     */
    public getTrack(name: string): ExpressionTrack {
        const track = this.getTargetByName(name);
        if (!track) {
            throw new FlexAvatarError(
                "invalid-argument",
                `The head model has no expression "${name}". It has: ${this._tracks.map((other) => other.name).join(", ")}.`,
            );
        }
        return track;
    }

    /** Takes the tracks off the scene's list. May be called twice; the tracks stay usable. */
    public dispose(): void {
        this._scene?.removeMorphTargetManager(this as unknown as MorphTargetManager);
        this._scene = null;
    }

    /** Sets all influences to 0. */
    public reset(): void {
        this.influences.fill(0);
        this._revision++;
    }

    /**
     * Copies the influences, clamped to the range of their tracks; a NaN counts as 0.
     * @param out at least `numTargets` long
     */
    public sampleToRef(out: Float32Array): void {
        for (let index = 0; index < this._tracks.length; index++) {
            const track = this._tracks[index];
            const value = this.influences[index];
            out[index] = value >= track.min ? Math.min(value, track.max) : value < track.min ? track.min : 0;
        }
    }
}
