;;; kexec-jump-dap.el --- Kexec Jump for dap-mode  -*- lexical-binding: t; -*-

;;; Commentary:

;; Debugs a kexec jump in Emacs: "M-x dap-debug", then "Kexec Jump".  Each kernel is a thread; "M-x dap-switch-thread"
;; shows the other one.  "M-x kexec-jump" and "M-x kexec-jump-back" order a jump.  More in docs/other-clients.md.

;;; Code:

(require 'comint)
(require 'dap-mode)

;; Debian 12's lsp-treemacs, which draws dap-mode's windows, reads a variable that its treemacs does not have yet.
(defvar treemacs-text-scale nil)

(defgroup kexec-jump nil
  "Debugging of kexec jumps."
  :group 'dap-mode)

(defcustom kexec-jump-adapter
  (list "node" (expand-file-name "../dist/adapter.cjs" (file-name-directory (or load-file-name buffer-file-name))))
  "The command that starts the debug adapter."
  :type '(repeat string))

;; By default dap-mode shows what a program prints, which a kernel does on its console, and not what the session says.
(setq dap-output-buffer-filter '("stdout" "stderr" "console" "important"))

(defun kexec-jump--complete (configuration)
  "Add to CONFIGURATION what dap-mode has to know."
  (dap--put-if-absent configuration :dap-server-path kexec-jump-adapter))

(dap-register-debug-provider "kexec-jump" #'kexec-jump--complete)

;; Every attribute of the launch configuration can be given here; arrays are vectors, false is :json-false.
(dap-register-debug-template "Kexec Jump" (list :type "kexec-jump" :request "launch"))
(dap-register-debug-template "Kexec Jump on command"
                             (list :type "kexec-jump" :request "launch" :autoJump :json-false))

(defun kexec-jump--request (name)
  "Send the request NAME; show why, if it is refused."
  (dap--send-message (dap--make-request name)
                     (dap--resp-handler nil (lambda (why) (message "%s" why)))
                     (dap--cur-active-session-or-die)))

(defun kexec-jump ()
  "Let kernel A load kernel B, if that is not done, and jump into it."
  (interactive)
  (kexec-jump--request "kexecJump/jump"))

(defun kexec-jump-back ()
  "Let kernel B jump back into kernel A."
  (interactive)
  (kexec-jump--request "kexecJump/jumpBack"))

(defvar kexec-jump-state (make-hash-table :test 'equal)
  "What the session last said of the jump.
Its keys are \"live\", \"phase\", \"running\", \"canJump\" and \"canJumpBack\".")

(cl-defmethod dap-handle-event ((_event (eql 'kexecJump/state)) _session state)
  "Keep STATE, and say when a jump becomes possible."
  (pcase-dolist (`(,what . ,sentence) '(("canJump" . "Kernel A runs its programs: M-x kexec-jump")
                                        ("canJumpBack" . "Kernel B runs its programs: M-x kexec-jump-back")))
    (when (and (gethash what state) (not (gethash what kexec-jump-state)))
      (message "%s" sentence)))
  (setq kexec-jump-state state))

(cl-defmethod dap-handle-event ((_event (eql 'kexecJump/phase)) _session _phase)
  "Do nothing: the session's output tells the phases too.")

(cl-defmethod dap-handle-event ((_event (eql 'kexecJump/consoles)) _session sockets)
  "Open the consoles of both kernels, which are at SOCKETS, to type in, too."
  (dolist (kernel '("A" "B"))
    (with-current-buffer (get-buffer-create (format "*Kernel %s*" kernel))
      (comint-mode)
      (let ((console (make-network-process :name (buffer-name) :buffer (current-buffer) :noquery t
                                           :family 'local :service (gethash kernel sockets)
                                           :filter #'comint-output-filter :sentinel #'ignore)))
        (set-marker (process-mark console) (point-max))))))

(provide 'kexec-jump-dap)
;;; kexec-jump-dap.el ends here
