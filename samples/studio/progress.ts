/** What is being done, how far it is, and how long it will take: the library's many stages as a few steps. */

/** Steps with the stages that belong to them, and their share of the whole on a slow machine. */
const MakingSteps = [
    { title: "Loading", stages: /^loading/, share: 0.35 },
    { title: "Finding the face", stages: /^(opening|finding|cutting)/, share: 0.45 },
    { title: "Making the head", stages: /^(fitting|reading|reconstructing)/, share: 0.15 },
    { title: "Getting ready", stages: /^preparing the avatar/, share: 0.05 },
];

/** "about 5 s left", or nothing while one cannot tell. */
function describeSeconds(seconds: number | undefined): string {
    return seconds === undefined || !Number.isFinite(seconds) ? "" : `about ${Math.max(1, Math.round(seconds))} s left`;
}

export class Progress {
    private _step = 0;
    private _startMs = 0;
    private readonly _find = (id: string) => document.getElementById(id)!;

    /** Shows the card, for new work. */
    public start(): void {
        this._step = 0;
        this._startMs = performance.now();
        this._find("workSteps").replaceChildren(
            ...MakingSteps.map(({ title }) => Object.assign(document.createElement("li"), { textContent: title })),
        );
        this._find("work").hidden = false;
        this._show("Loading", 0, undefined);
    }

    /** A report of `createFromPhotosAsync` or `loadAsync`. Steps never go back. */
    public report(stage: string, fraction: number): void {
        const step = MakingSteps.findIndex(({ stages }) => stages.test(stage));
        if (step < this._step) {
            return;
        }
        this._step = step;
        const before = MakingSteps.slice(0, step).reduce((sum, { share }) => sum + share, 0);
        const done = before + MakingSteps[step].share * fraction;
        const seconds = (performance.now() - this._startMs) / 1000;
        Array.from(this._find("workSteps").children).forEach((item, index) => {
            item.className = index < step ? "done" : "";
            item.toggleAttribute("aria-current", index === step);
        });
        this._show(
            MakingSteps[step].title,
            done,
            done > 0.3 && seconds > 2 ? (seconds / done) * (1 - done) : undefined,
        );
    }

    /** A report of the refinement that follows. */
    public refine(stage: string, fraction: number, secondsLeft?: number): void {
        this._find("work").hidden = fraction >= 1;
        this._find("workSteps").replaceChildren();
        this._show(`${stage[0].toUpperCase()}${stage.slice(1)}`, fraction, secondsLeft);
    }

    /** Hides the card. */
    public end(): void {
        this._find("work").hidden = true;
    }

    private _show(title: string, fraction: number, secondsLeft: number | undefined): void {
        if (this._find("workStage").textContent !== title) {
            this._find("workStage").textContent = title; // read aloud, so only when it changes
        }
        this._find("workTime").textContent = describeSeconds(secondsLeft);
        (this._find("workBar") as HTMLProgressElement).value = fraction;
    }
}
