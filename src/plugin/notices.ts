/** What the user should know although all went on. Each text is told once; what came before anyone listened is kept. */
import { Observable } from "@babylonjs/core/Misc/observable.js";

/**
 * Something the user should know although all went on: a fallback, or a choice made for them. Each is reported once.
 */
export interface IFlexAvatarNotice {
    /** Stable code, listed in docs/errors.md. */
    code: string;
    /** What happened and why. */
    message: string;
}

/** One per component. */
export class Notices {
    /** Notified of each; notices that came before the first observer are kept for it. */
    public readonly observable = new Observable<IFlexAvatarNotice>((observer) => {
        for (const notice of this._unheard.splice(0)) {
            this.observable.notifyObserver(observer, notice);
        }
    });
    private readonly _heard = new Set<string>();
    private readonly _unheard: IFlexAvatarNotice[] = [];

    /** Tells a text that was not told yet. */
    public notify(code: string, message: string): void {
        if (this._heard.has(message)) {
            return;
        }
        this._heard.add(message);
        const notice = { code, message };
        if (this.observable.hasObservers()) {
            this.observable.notifyObservers(notice);
        } else {
            this._unheard.push(notice);
        }
    }
}
