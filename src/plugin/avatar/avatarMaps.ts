/**
 * What one avatar shows of its person's static map: the map with its detail, or a copy of its own whose neck fades out
 * on a character.
 */
import type { Observable } from "@babylonjs/core/Misc/observable.js";
import type { HeadModel } from "../../flame/headModel.js";
import type { ICloseUp } from "../../runtime/closeUp.js";
import { FeatherMap } from "../attach/feather.js";
import type { INeckRing } from "../attach/neckRing.js";
import type { IAvatarDrawing } from "./avatarDrawing.js";
import type { IPersonMember, Person } from "../refine/person.js";
import type { IRefineProgress } from "../../runtime/person/refineSettings.js";
import type { AvatarEvaluator } from "../../runtime/driver/avatarEvaluator.js";

/** Owned by an avatar, and a member of its person. */
export class AvatarMaps implements IPersonMember {
    /** The person's map, feathered for a character; null where it is not. */
    private _feathered: Float32Array<ArrayBuffer> | null = null;

    /**
     * @param _drawing borrowed: what shows the maps
     * @param _person borrowed; joined here
     * @param _model head model of the avatar
     * @param onRefineProgressObservable the avatar's
     */
    public constructor(
        private readonly _drawing: Pick<IAvatarDrawing, "splats" | "painted">,
        private readonly _person: Person,
        private readonly _model: HeadModel,
        public readonly onRefineProgressObservable: Observable<IRefineProgress>,
    ) {
        _person.join(this);
    }

    public get splats(): AvatarEvaluator | null {
        return this._drawing.splats;
    }

    /** [14,H,W] a copy of what is shown. */
    public copy(): Float32Array<ArrayBuffer> {
        return (this._feathered ?? this._person.map).slice();
    }

    /** Fades the neck's open end, `length` meters, or undoes that with null. */
    public feather(ring: INeckRing | null, length: number): void {
        const { map, file } = this._person;
        this._feathered = ring && length > 0 ? FeatherMap(this._model, map, file.mapSize, ring, length) : null;
        this.splats?.setStaticMap(this._feathered ?? map);
    }

    /** Another avatar of the person gets the person's own map: the feather is this one's. */
    public unfeather(other: AvatarEvaluator): void {
        if (this._feathered) {
            other.setStaticMap(this._person.map);
        }
    }

    /** Brings a new evaluator up to date, whose buffers hold the file's map. */
    public show(evaluator: AvatarEvaluator): void {
        if (this._feathered) {
            evaluator.setStaticMap(this._feathered);
            this._person.showCloseUpOn(this);
        } else {
            this._person.showOn(this);
        }
    }

    public showColors(staticMap: Float32Array<ArrayBuffer>, slots: WeakSet<object>): void {
        const { splats } = this;
        this._drawing.painted?.setColors(staticMap);
        if (this._feathered) {
            const channel = staticMap.length / 14;
            this._feathered.set(staticMap.subarray(4 * channel, 7 * channel), 4 * channel);
            splats?.setColors(this._feathered);
        } else if (splats) {
            const slot = splats.buffers.person;
            splats.setColors(slots.has(slot) ? null : staticMap);
            slots.add(slot);
        }
    }

    public showCloseUp(closeUp: ICloseUp | null, strength: number): void {
        this.splats?.setCloseUp(closeUp, strength);
        this._drawing.painted?.setCloseUp(closeUp, strength);
    }

    /** Leaves the person. */
    public dispose(): void {
        this._person.leave(this);
    }
}
