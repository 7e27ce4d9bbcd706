/**
 * The controls beside the canvas: plain elements with labels, no Babylon. What goes wrong in a handler is shown with
 * its advice.
 */
import { FlexAvatarError } from "babylon-flexavatar";

type Handler<T> = (value: T) => unknown;

function find<T extends HTMLElement>(id: string): T {
    return document.getElementById(id) as T;
}

/** What a FlexAvatarError says and advises; other errors as they are. */
export function DescribeError(error: unknown): string {
    return error instanceof FlexAvatarError
        ? `${error.message}\n${error.advice}`
        : `Something went wrong. ${String(error)}`;
}

/** What a page says and asks. */
export class Panel {
    /** Shows a message in the place of the last one. */
    public say(text: string): void {
        find("message").textContent = text;
        find("message").classList.remove("bad");
        find("progress").hidden = true;
    }

    /** Shows what is being done, and how far; `fraction` 1 ends it. Bound, so that it can be passed as `onProgress`. */
    public readonly showProgress = ({ stage, fraction }: { stage: string; fraction: number }): void => {
        this.say(`${stage[0].toUpperCase()}${stage.slice(1)}…`);
        find("progress").hidden = fraction >= 1;
        find<HTMLProgressElement>("progress").value = fraction;
    };

    /** Shows an error, unless it only says that work was stopped. */
    public readonly showError = (error: unknown): void => {
        if (error instanceof FlexAvatarError && error.code === "aborted") {
            return;
        }
        this.say(DescribeError(error));
        find("message").classList.add("bad");
        if (!(error instanceof FlexAvatarError)) {
            console.error(error);
        }
    };

    /** A button. */
    public addButton(label: string, onClick: () => unknown): HTMLButtonElement {
        const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
        button.addEventListener("click", () => this._run(onClick, undefined));
        find("controls").append(button);
        return button;
    }

    /** A box to tick. */
    public addSwitch(label: string, checked: boolean, onChange: Handler<boolean>): HTMLInputElement {
        const input = Object.assign(document.createElement("input"), { type: "checkbox", checked });
        input.addEventListener("change", () => this._run(onChange, input.checked));
        this._add(label, input, "switch");
        return input;
    }

    /** A slider from `min` to `max`. */
    public addSlider(
        label: string,
        [min, max]: [number, number],
        value: number,
        onInput: Handler<number>,
    ): HTMLInputElement {
        const input = Object.assign(document.createElement("input"), { type: "range", min, max, step: "any", value });
        input.addEventListener("input", () => this._run(onInput, Number(input.value)));
        this._add(label, input, "slider");
        return input;
    }

    /** A list to choose from; the first is chosen. */
    public addChoice(label: string, names: readonly string[], onChange: Handler<string>): HTMLSelectElement {
        const select = document.createElement("select");
        select.append(...names.map((name) => new Option(name)));
        select.addEventListener("change", () => this._run(onChange, select.value));
        this._add(label, select, "choice");
        return select;
    }

    /** Files to choose, or to drop anywhere on the page. `accept` is that of an input element. */
    public addFiles(label: string, accept: string, onFiles: Handler<File[]>): HTMLInputElement {
        const input = Object.assign(document.createElement("input"), { type: "file", accept, multiple: true });
        const take = (files: FileList | null | undefined) => files?.length && this._run(onFiles, Array.from(files));
        input.addEventListener("change", () => {
            take(input.files);
            input.value = "";
        });
        document.addEventListener("dragover", (event) => event.preventDefault());
        document.addEventListener("drop", (event) => {
            event.preventDefault();
            take(event.dataTransfer?.files);
        });
        this._add(label, input, "button");
        return input;
    }

    /** A part of the panel with a title; what is added goes to its end until the next one. */
    public addTitle(title: string): void {
        find("controls").append(Object.assign(document.createElement("h2"), { textContent: title }));
    }

    private _add(text: string, input: HTMLElement, className: string): void {
        const label = Object.assign(document.createElement("label"), { className });
        const span = Object.assign(document.createElement("span"), { textContent: text });
        label.append(...(className === "switch" ? [input, span] : [span, input]));
        find("controls").append(label);
    }

    private _run<T>(handler: Handler<T>, value: T): void {
        Promise.resolve(value).then(handler).catch(this.showError);
    }
}
