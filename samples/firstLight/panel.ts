/**
 * The controls beside the canvas: plain DOM, no Babylon. `index.ts` tells it what to show and listens to what the
 * visitor does.
 */

/** What the visitor can ask for. */
export interface IPanelActions {
    /** Photos were chosen; an empty list means the bundled portrait. */
    create(photos: readonly File[]): void;
    cancel(): void;
    togglePlaying(): void;
    /** @param position 0..1 of the clip */
    seek(position: number): void;
    setTrack(name: string, influence: number): void;
    neutral(): void;
    save(): void;
    open(file: File): void;
}

function element<T extends HTMLElement>(id: string): T {
    return document.getElementById(id) as T;
}

export class Panel {
    private readonly _actions: IPanelActions;
    private readonly _stages = new Map<string, { item: HTMLLIElement; startMs: number }>();
    private readonly _sliders = new Map<string, HTMLInputElement>();
    private _photos: File[] = [];
    private _busy = false;
    private _running: string | null = null;

    public constructor(actions: IPanelActions) {
        this._actions = actions;
        this._listenForPhotos();
        element("create").addEventListener("click", () =>
            this._busy ? actions.cancel() : actions.create(this._photos),
        );
        element("play").addEventListener("click", () => actions.togglePlaying());
        element("neutral").addEventListener("click", () => actions.neutral());
        element("save").addEventListener("click", () => actions.save());
        element<HTMLInputElement>("time").addEventListener("input", (event) =>
            actions.seek(Number((event.target as HTMLInputElement).value)),
        );
        element<HTMLInputElement>("filter").addEventListener("input", (event) =>
            this._filterTracks((event.target as HTMLInputElement).value),
        );
        element<HTMLInputElement>("open").addEventListener("change", (event) => {
            const input = event.target as HTMLInputElement;
            if (input.files?.[0]) {
                actions.open(input.files[0]);
            }
            input.value = "";
        });
    }

    /** Work starts or ends: the button creates or cancels, and the list of stages opens or closes. */
    public setBusy(busy: boolean): void {
        this._busy = busy;
        element("create").textContent = busy ? "Cancel" : "Create avatar";
        element<HTMLDetailsElement>("progress").open = busy;
        if (busy) {
            element("progress").hidden = false;
            element("stages").replaceChildren();
            this._stages.clear();
            this.say(null);
        } else if (this._running !== null) {
            this.showStage(this._running, 1);
        }
        this._running = null;
    }

    /** An avatar is there (or gone): switches the lower half. */
    public setAvatar(trackNames: readonly string[] | null): void {
        element("controls").inert = trackNames === null;
        if (trackNames && this._sliders.size === 0) {
            for (const name of trackNames) {
                const label = document.createElement("label");
                const slider = Object.assign(document.createElement("input"), {
                    type: "range",
                    min: "0",
                    max: "1",
                    step: "0.01",
                    value: "0",
                });
                slider.addEventListener("input", () => this._actions.setTrack(name, Number(slider.value)));
                label.append(name, slider);
                element("tracks").append(label);
                this._sliders.set(name, slider);
            }
        }
    }

    /** Shows a stage's bar, adding it on first sight; its time is from the first report to the last. */
    public showStage(name: string, fraction: number): void {
        if (this._running !== null && this._running !== name) {
            const before = this._running;
            this._running = null;
            this.showStage(before, 1); // a new stage ends the one before, which need not say so
        }
        this._running = fraction < 1 ? name : null;
        let stage = this._stages.get(name);
        if (!stage) {
            const item = document.createElement("li");
            const label = document.createElement("span");
            label.textContent = name;
            item.append(
                label,
                Object.assign(document.createElement("progress"), { max: 1 }),
                document.createElement("span"),
            );
            element("stages").append(item);
            stage = { item, startMs: performance.now() };
            this._stages.set(name, stage);
        }
        const [, bar, time] = stage.item.children as unknown as [HTMLElement, HTMLProgressElement, HTMLElement];
        stage.item.className = fraction < 1 ? "running" : "";
        if (fraction > 0) {
            bar.value = fraction;
        } else {
            bar.removeAttribute("value"); // a running bar without an end
        }
        time.textContent =
            fraction < 1
                ? `${Math.round(fraction * 100)} %`
                : `${((performance.now() - stage.startMs) / 1000).toFixed(1)} s`;
    }

    /** Shows a message, or hides it with null. */
    public say(text: string | null, good = false): void {
        const message = element("message");
        message.hidden = text === null;
        message.classList.toggle("good", good);
        message.textContent = text ?? "";
    }

    public showStatus(text: string): void {
        element("status").textContent = text;
    }

    /** Called every frame: moves sliders and the time line with the clip. */
    public follow(position: number, playing: boolean, influenceOf: (name: string) => number): void {
        element("play").textContent = playing ? "Pause" : "Play";
        if (playing) {
            element<HTMLInputElement>("time").value = String(position);
        }
        for (const [name, slider] of this._sliders) {
            if (slider !== document.activeElement || playing) {
                slider.value = String(influenceOf(name));
            }
        }
    }

    private _filterTracks(text: string): void {
        for (const [name, slider] of this._sliders) {
            (slider.parentElement as HTMLElement).hidden = !name.toLowerCase().includes(text.trim().toLowerCase());
        }
    }

    private _listenForPhotos(): void {
        const drop = element("drop");
        const input = element<HTMLInputElement>("photos");
        const choose = (files: FileList | null | undefined) => {
            if (files?.length) {
                this._photos = Array.from(files);
                const pictures = this._photos.map((file) =>
                    Object.assign(new Image(), { src: URL.createObjectURL(file), alt: file.name }),
                );
                element("thumbnails").replaceChildren(...pictures);
                this._actions.create(this._photos);
            }
        };
        input.addEventListener("change", () => {
            choose(input.files);
            input.value = "";
        });
        drop.addEventListener("keydown", (event) => {
            if (event.key === "Enter" || event.key === " ") {
                input.click();
            }
        });
        for (const type of ["dragover", "dragleave", "drop"]) {
            document.addEventListener(type, (event) => {
                event.preventDefault();
                drop.classList.toggle("over", type === "dragover");
                if (type === "drop") {
                    choose((event as DragEvent).dataTransfer?.files);
                }
            });
        }
    }
}
