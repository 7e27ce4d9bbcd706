/**
 * Studio: photos become an avatar to look at, move, pose, save and open. Beside this file are its parts; none knows of
 * the others.
 */
import type { AnimationGroup } from "@babylonjs/core/Animations/animationGroup";
import {
    FlexAvatarComponent,
    FlexAvatarError,
    LifeSource,
    LookAtSource,
    type FlexAvatar,
    type ISourceHandle,
    type PhotoSource,
} from "babylon-flexavatar";
import {
    AssetsUrl,
    CreateStageAsync,
    EyeHeight,
    FlexAvatarUrl,
    LoadClipAsync,
    RunScene,
    type IStage,
} from "../shared/stage";
import { TakePhotoAsync } from "./cameraDialog";
import { FaceSliders } from "./faceSliders";
import { CreateMove, MoveNames } from "./moves";
import { PhotoTray } from "./photoTray";
import { HideProblem, ShowProblem, type Way } from "./problems";
import { Progress } from "./progress";

/** Notices that tell something about the visitor's photos. Others are for developers. */
const ToldNotices = /^(photo-|back-unused|refine-failed|fill-failed|hair-with-hat|page-unused|device-lost)/;

const find = <T extends HTMLElement = HTMLElement>(id: string) => document.getElementById(id) as T;
const input = (id: string) => find<HTMLInputElement>(id);

class Studio {
    private readonly _stage: IStage;
    private readonly _component: FlexAvatarComponent;
    private readonly _talk: AnimationGroup;
    private readonly _tray = new PhotoTray(() => this._nameButton());
    private readonly _progress = new Progress();
    private readonly _sliders = new FaceSliders(
        () => this._avatar!,
        () => this._play(null),
    );
    private _avatar: FlexAvatar | null = null;
    private _move: AnimationGroup | null = null;
    private _running: AbortController | null = null;
    /** Idle life and gaze of the avatar, by the boxes that switch them. */
    private readonly _sources: Record<string, ISourceHandle> = {};
    /** What "Try again" does. */
    private _again: () => void = () => location.reload();

    public constructor(stage: IStage, component: FlexAvatarComponent, talk: AnimationGroup) {
        this._stage = stage;
        this._component = component;
        this._talk = talk;
        component.onNoticeObservable.add(({ code, message }) => {
            if (ToldNotices.test(code)) {
                this._say(message);
            } else {
                console.info(code, message);
            }
        });
        input("life").checked &&= !matchMedia("(prefers-reduced-motion: reduce)").matches;
        this._listen();
        stage.scene.onAfterRenderObservable.add(() => {
            if (this._avatar && this._move?.isPlaying) {
                this._sliders.follow(this._avatar);
            }
        });
    }

    private _listen(): void {
        const choose = (id: string, take: (files: File[]) => void) =>
            input(id).addEventListener("change", () => {
                take(Array.from(input(id).files ?? []));
                input(id).value = ""; // the same file may be chosen again
            });
        choose("photos", (files) => this._take(files));
        choose("back", ([file]) => file && (this._tray.back = file));
        choose("open", ([file]) => file && this._open(file));
        for (const type of ["dragover", "dragleave", "drop"]) {
            document.addEventListener(type, (event) => {
                event.preventDefault();
                document.body.classList.toggle("dragging", type === "dragover");
                this._take(Array.from((event as DragEvent).dataTransfer?.files ?? []));
            });
        }
        find("camera").addEventListener("click", () => void this._photographAsync());
        find("make").addEventListener("click", () => this._make());
        find("stop").addEventListener("click", () => this._stop());
        find("save").addEventListener("click", () => void this._saveAsync());
        find("picture").addEventListener("click", () => this._takePicture());
        find("neutral").addEventListener("click", () => this._rest());
        input("detail").addEventListener("input", () => (this._avatar!.detailStrength = Number(input("detail").value)));
        for (const id of ["bust", "hair", "swing"]) {
            input(id).addEventListener("change", () => this._dress());
        }
        for (const id of ["life", "gaze"]) {
            input(id).addEventListener("change", () => this._sources[id].fadeTo(input(id).checked ? 1 : 0, 0.4));
        }
        for (const name of MoveNames) {
            const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
            button.ariaPressed = "false";
            button.addEventListener("click", () => this._play(button.ariaPressed === "true" ? null : name));
            find("moves").append(button);
        }
    }

    /** Photos go to the tray; an avatar's file is opened. */
    private _take(files: readonly File[]): void {
        if (files.length === 0) {
            return;
        }
        HideProblem();
        const saved = files.find(({ name }) => name.endsWith(".flexavatar"));
        if (saved) {
            this._open(saved);
            return;
        }
        const leftOut = this._tray.add(files);
        this._say(leftOut > 0 ? `Four photos are the most; ${leftOut} found no room.` : null);
    }

    private async _photographAsync(): Promise<void> {
        try {
            const photo = await TakePhotoAsync();
            this._take(photo ? [photo] : []);
        } catch (error) {
            this._say((error as Error).message);
        }
    }

    private _make(): void {
        const { photos, back } = this._tray;
        if (photos.length > 0) {
            this._create([...photos], back);
        } else {
            this._create([`${AssetsUrl}astronaut.png`]);
        }
    }

    private _create(photos: readonly PhotoSource[], back?: PhotoSource): void {
        void this._workAsync(
            () => this._create(photos, back),
            async (signal) => {
                const onProgress = (report: { stage: string; fraction: number }) =>
                    this._progress.report(report.stage, report.fraction);
                const avatar = await this._component.createFromPhotosAsync(photos, {
                    signal,
                    onProgress,
                    back,
                    ...this._shownParts,
                });
                this._show(avatar);
                this._progress.end();
                avatar.onRefineProgressObservable.add(({ stage, fraction, secondsLeft }) =>
                    this._progress.refine(stage, fraction, secondsLeft),
                );
                await avatar.whenRefinedAsync();
            },
        );
    }

    private _open(file: File): void {
        void this._workAsync(
            () => this._open(file),
            async (signal) => {
                const onProgress = (report: { stage: string; fraction: number }) =>
                    this._progress.report(report.stage, report.fraction);
                this._show(await this._component.loadAsync(file, { signal, onProgress, ...this._shownParts }));
            },
        );
    }

    /** One job at a time; what goes wrong is shown with ways on, and what was there stays. */
    private async _workAsync(again: () => void, job: (signal: AbortSignal) => Promise<void>): Promise<void> {
        this._running?.abort();
        const running = (this._running = new AbortController());
        this._again = again;
        HideProblem();
        this._say(null);
        this._progress.start();
        try {
            await job(running.signal);
        } catch (error) {
            if (!(error instanceof FlexAvatarError && error.code === "aborted")) {
                ShowProblem(error, (way) => this._go(way));
            }
        } finally {
            if (this._running === running) {
                this._running = null;
                this._progress.end();
                input("detail").disabled = !this._avatar?.isRefined;
            }
        }
    }

    /** Stops making, or refining: then the avatar keeps what it has. */
    private _stop(): void {
        this._avatar?.cancelRefining();
        this._running?.abort();
        this._progress.end();
        find("make").focus();
    }

    private _go(way: Way): void {
        const ways: Record<Way, () => void> = {
            choose: () => {
                this._tray.clear();
                input("photos").focus();
                input("photos").click();
            },
            camera: () => {
                this._tray.clear();
                void this._photographAsync();
            },
            portrait: () => {
                this._tray.clear();
                this._make();
            },
            again: () => this._again(),
            open: () => {
                input("open").focus();
                input("open").click();
            },
            reload: () => location.reload(),
            keep: () => find("view").focus(),
        };
        ways[way]();
    }

    private _show(avatar: FlexAvatar): void {
        this._play(null);
        this._avatar?.dispose();
        this._avatar = avatar;
        avatar.position.y = EyeHeight;
        this._dress();
        input("detail").value = String(avatar.detailStrength);
        document.body.classList.remove("empty");
        find("welcome").hidden = true;
        find("hint").hidden = find("person").hidden = false;
        const { camera } = this._stage;
        [camera.alpha, camera.beta, camera.radius] = [Math.PI / 2 + 0.12, 1.52, 1.12];
        camera.target.set(0, EyeHeight - 0.07, 0);
        // Both are mixed with moves and sliders in each frame.
        const weightOf = (id: string) => ({ weight: input(id).checked ? 1 : 0 });
        this._sources.life = avatar.addSource(new LifeSource({ mood: "relaxed" }), weightOf("life"));
        this._sources.gaze = avatar.addSource(new LookAtSource("camera"), weightOf("gaze"));
    }

    private get _shownParts(): { bust: "auto" | "none"; hair: "auto" | "scalp"; hairSpring: object | null } {
        return {
            bust: input("bust").checked ? "auto" : "none",
            hair: input("hair").checked ? "auto" : "scalp",
            hairSpring: input("swing").checked ? {} : null,
        };
    }

    private _dress(): void {
        Object.assign(this._avatar!, this._shownParts);
    }

    /** Plays a move in a loop, from rest; null leaves the face as it is. */
    private _play(name: string | null): void {
        this._move?.dispose();
        this._move = null;
        if (name) {
            this._avatar!.resetPose();
            this._move = CreateMove(name, this._avatar!, this._talk);
            this._move.start(true);
        }
        for (const button of find("moves").querySelectorAll("button")) {
            button.ariaPressed = String(button.textContent === name);
        }
    }

    private _rest(): void {
        this._play(null);
        this._avatar!.resetPose();
        this._sliders.follow(this._avatar!);
    }

    private async _saveAsync(): Promise<void> {
        const file = new Blob([await this._avatar!.saveAsync()]);
        this._download(file, "avatar.flexavatar");
        this._say(`Saved: avatar.flexavatar, ${(file.size / 1e6).toFixed(1)} MB.`);
    }

    /** A picture of the canvas, twice as fine as a common screen at least. */
    private _takePicture(): void {
        const { engine, scene } = this._stage;
        const canvas = engine.getRenderingCanvas()!;
        const scale = Math.max(1, 1400 / Math.max(canvas.clientWidth, canvas.clientHeight));
        engine.setSize(Math.round(canvas.clientWidth * scale), Math.round(canvas.clientHeight * scale));
        engine.beginFrame();
        scene.render();
        engine.endFrame();
        canvas.toBlob((blob) => {
            this._download(blob!, "avatar.png");
            this._say("The picture is among your downloads: avatar.png.");
        });
        engine.resize();
    }

    private _download(blob: Blob, name: string): void {
        const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    }

    private _say(text: string | null): void {
        find("message").hidden = text === null;
        find("message").textContent = text;
    }

    private _nameButton(): void {
        const { photos, back } = this._tray;
        const count = photos.length;
        const isBackAlone = count === 0 && back !== undefined;
        find("backChoice").hidden = find("backNote").hidden = count === 0 && !isBackAlone;
        input("make").disabled = isBackAlone;
        find("make").textContent = isBackAlone
            ? "A photo from the front is missing"
            : count === 0
              ? "Try it with a portrait"
              : count === 1
                ? "Make the avatar"
                : `Make it from ${count} photos`;
    }
}

try {
    const stage = await CreateStageAsync();
    const component = FlexAvatarComponent.GetOrCreate(stage.scene, { assetsUrl: FlexAvatarUrl });
    new Studio(stage, component, await LoadClipAsync(`${AssetsUrl}phrase.glb`, stage.scene));
    RunScene(stage.scene);
    window.sample = stage;
    document.documentElement.dataset.ready = "";
} catch (error) {
    // A browser that can draw neither way is told so, sees what it would be, and is still led somewhere.
    const picture = Object.assign(new Image(), {
        src: `${AssetsUrl}pictures/studio.jpg`,
        alt: "A head made from a photo",
    });
    find("welcome").replaceChildren(picture);
    find("photosTitle").parentElement!.hidden = true;
    ShowProblem(error, () => location.reload());
}
