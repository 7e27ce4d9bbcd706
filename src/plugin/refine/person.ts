/**
 * What all avatars of a person have in common besides buffers: the file, and the detail that refinement adds to its
 * static map. Shows the detail on all of them at once, and fades it in.
 */
import type { Observable } from "@babylonjs/core/Misc/observable.js";
import type { ICloseUp } from "../../runtime/closeUp.js";
import type { IAvatarFile } from "../../runtime/format/avatarFile.js";
import type { AvatarEvaluator } from "../../runtime/driver/avatarEvaluator.js";
import { ColorChannel, RefinedMap } from "../../runtime/person/refinedMap.js";
import type { IRefineProgress } from "../../runtime/person/refineSettings.js";

/** One avatar of the person. */
export interface IPersonMember {
    /** Null while the device is lost. */
    readonly splats: AvatarEvaluator | null;
    readonly onRefineProgressObservable: Observable<IRefineProgress>;
    /**
     * Shows the person's map, which differs from the one shown in its colors alone.
     * @param slots shared buffers that have it already; the avatar adds its own
     */
    showColors(staticMap: Float32Array<ArrayBuffer>, slots: WeakSet<object>): void;
    /** Shows detail for close-ups, 0..1 of it; none for null. */
    showCloseUp(closeUp: ICloseUp | null, strength: number): void;
}

/** One per person; instances share it. */
export class Person {
    private readonly _members = new Set<IPersonMember>();
    /** The static map with the detail, or null where nothing is added to it. */
    private _map: Float32Array<ArrayBuffer> | null = null;
    /** Buffers that show {@link map}. */
    private _slots = new WeakSet<object>();
    private _strength = 1;
    /** The detail that fades out while another one, or none, fades in. */
    private _from: Float32Array | null = null;
    /** The detail for close-ups that fades out before another one fades in. */
    private _closeUpFrom: ICloseUp | null = null;
    private _fadeStart = 0;
    private _fadeMs = 0;
    private _frame = -1;

    /** @param file kept; its detail is replaced here */
    public constructor(public readonly file: IAvatarFile) {
        if (file.detail) {
            this._blend(1);
        }
    }

    /** [14,H,W] the static map as it is shown now. */
    public get map(): Float32Array<ArrayBuffer> {
        return this._map ?? (this.file.staticMap as Float32Array<ArrayBuffer>);
    }

    /** [14,H,W] the static map with all of the detail, whatever is shown now. Not to be changed. */
    public refinedMap(): Float32Array {
        return RefinedMap(this.file);
    }

    /** Avatars of this person. */
    public get memberCount(): number {
        return this._members.size;
    }

    /** Of any avatar that is on the GPU; null while the device is lost. */
    public get evaluator(): AvatarEvaluator | null {
        for (const { splats } of this._members) {
            if (splats) {
                return splats;
            }
        }
        return null;
    }

    /** Tells all avatars how the refinement goes. */
    public tell(progress: IRefineProgress): void {
        for (const { onRefineProgressObservable } of this._members) {
            onRefineProgressObservable.notifyObservers(progress);
        }
    }

    /** How much of the detail is shown, 0..1. */
    public get strength(): number {
        return this._strength;
    }

    public set strength(value: number) {
        const strength = Math.min(1, Math.max(0, value));
        if (strength !== this._strength) {
            this._strength = strength;
            this._show(this._progress());
        }
    }

    public join(member: IPersonMember): void {
        this._members.add(member);
        this.showOn(member);
    }

    public leave(member: IPersonMember): void {
        this._members.delete(member);
    }

    /** Brings one avatar up to date, whose buffers hold the file's map. */
    public showOn(member: IPersonMember): void {
        if (this._map) {
            member.showColors(this._map, this._slots);
        }
        this.showCloseUpOn(member);
    }

    /** Brings the detail for close-ups of one avatar up to date. */
    public showCloseUpOn(member: IPersonMember): void {
        const { closeUp = null } = this.file;
        if (closeUp ?? this._closeUpFrom) {
            this._showCloseUp(member, this._progress());
        }
    }

    /**
     * Replaces the detail.
     * @param detail [3,H,W], kept; null for none
     * @param fadeMs milliseconds from what is shown now to the new one
     * @param closeUp detail for close-ups that goes with it; kept
     */
    public setDetail(detail: Float32Array | null, fadeMs: number, closeUp: ICloseUp | null = null): void {
        this._from = this._shownDetail();
        this._closeUpFrom = this.file.closeUp ?? null;
        if (closeUp) {
            this.file.closeUp = closeUp;
        } else {
            delete this.file.closeUp;
        }
        if (detail) {
            this.file.detail = detail;
        } else {
            delete this.file.detail;
        }
        this._fadeStart = performance.now();
        this._fadeMs = Math.max(0, fadeMs);
        this._show(this._progress());
    }

    /** Goes on with a fade. Called by every avatar in every frame; works once in each. */
    public update(frame: number): void {
        if (this._fadeMs > 0 && frame !== this._frame) {
            this._frame = frame;
            this._show(this._progress());
        }
    }

    /** Ends a fade. */
    public finishFade(): void {
        if (this._fadeMs > 0) {
            this._show(1);
        }
    }

    private _progress(): number {
        return this._fadeMs > 0 ? Math.min(1, (performance.now() - this._fadeStart) / this._fadeMs) : 1;
    }

    /** What is added to the colors now, but for the strength. */
    private _shownDetail(): Float32Array | null {
        const to = this.file.detail ?? null;
        const progress = this._progress();
        if (progress === 1 || (!this._from && !to)) {
            return to;
        }
        const shown = new Float32Array((to ?? this._from)!.length);
        for (let i = 0; i < shown.length; i++) {
            shown[i] = Mix(this._from, to, i, progress);
        }
        return shown;
    }

    private _show(progress: number): void {
        this._blend(progress);
        this._slots = new WeakSet();
        for (const member of this._members) {
            member.showColors(this.map, this._slots);
            this._showCloseUp(member, progress);
        }
    }

    /** One after the other: a GPU holds one per person. */
    private _showCloseUp(member: IPersonMember, progress: number): void {
        const { closeUp = null } = this.file;
        const from = progress < 1 ? this._closeUpFrom : null;
        const share = from ? Math.abs(1 - 2 * progress) : progress;
        const shown = from && progress < 0.5 ? from : closeUp;
        member.showCloseUp(shown, this._strength * share);
    }

    private _blend(progress: number): void {
        const { staticMap, detail = null } = this.file;
        if (progress === 1) {
            this._fadeMs = 0;
            this._from = null;
            this._closeUpFrom = null;
        }
        if (!detail && !this._from) {
            this._map = null;
            return;
        }
        this._map ??= staticMap.slice() as Float32Array<ArrayBuffer>;
        const first = ColorChannel * (staticMap.length / 14);
        const count = (detail ?? this._from!).length;
        for (let i = 0; i < count; i++) {
            this._map[first + i] = staticMap[first + i] + this._strength * Mix(this._from, detail, i, progress);
        }
    }
}

function Mix(from: Float32Array | null, to: Float32Array | null, i: number, share: number): number {
    return (from ? from[i] * (1 - share) : 0) + (to ? to[i] * share : 0);
}
