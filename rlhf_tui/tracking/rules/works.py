"""Papers, posts and programs that thresholds and advice come from, each with its address."""

from __future__ import annotations

from typing import NamedTuple

ARXIV = "https://arxiv.org/abs/"


class Work(NamedTuple):
    """Something published."""

    by: str
    """Who wrote it, and the year."""
    title: str
    url: str


class Source(NamedTuple):
    """What a rule has from a work."""

    work: Work
    says: str
    """What it says there, and where; without a full stop."""


AHMADIAN = Work(
    "Ahmadian et al. 2024",
    "Back to Basics: Revisiting REINFORCE Style Optimization for Learning from Human Feedback in "
    "LLMs",
    f"{ARXIV}2402.14740",
)
BASELINES = Work(
    "Dhariwal et al. 2017",
    "OpenAI Baselines, baselines/common/math_util.py",
    "https://github.com/openai/baselines/blob/master/baselines/common/math_util.py",
)
BEECHING = Work(
    "Beeching et al. 2023",
    "StackLLaMA: A hands-on guide to train LLaMA with RLHF",
    "https://huggingface.co/blog/stackllama",
)
CHOWDHERY = Work(
    "Chowdhery et al. 2022",
    "PaLM: Scaling Language Modeling with Pathways",
    f"{ARXIV}2204.02311",
)
CUI = Work(
    "Cui et al. 2025",
    "The Entropy Mechanism of Reinforcement Learning for Reasoning Language Models",
    f"{ARXIV}2505.22617",
)
DUBOIS = Work(
    "Dubois et al. 2024",
    "Length-Controlled AlpacaEval: A Simple Way to Debias Automatic Evaluators",
    f"{ARXIV}2404.04475",
)
GAO = Work(
    "Gao, Schulman and Hilton 2022",
    "Scaling Laws for Reward Model Overoptimization",
    f"{ARXIV}2210.10760",
)
HUANG_37 = Work(
    "Huang et al. 2022",
    "The 37 Implementation Details of Proximal Policy Optimization",
    "https://iclr-blog-track.github.io/2022/03/25/ppo-implementation-details/",
)
HUANG_N = Work(
    "Huang et al. 2024",
    "The N+ Implementation Details of RLHF with PPO: A Case Study on TL;DR Summarization",
    f"{ARXIV}2403.17031",
)
KIRK = Work(
    "Kirk et al. 2023",
    "Understanding the Effects of RLHF on LLM Generalisation and Diversity",
    f"{ARXIV}2310.06452",
)
LI = Work(
    "Li et al. 2016",
    "A Diversity-Promoting Objective Function for Neural Conversation Models",
    f"{ARXIV}1510.03055",
)
OUYANG = Work(
    "Ouyang et al. 2022",
    "Training language models to follow instructions with human feedback",
    f"{ARXIV}2203.02155",
)
PAL = Work(
    "Pal et al. 2024",
    "Smaug: Fixing Failure Modes of Preference Optimisation with DPO-Positive",
    f"{ARXIV}2402.13228",
)
PANG = Work("Pang et al. 2024", "Iterative Reasoning Preference Optimization", f"{ARXIV}2404.19733")
PRECHELT = Work(
    "Prechelt 1998",
    "Early Stopping – But When?",
    "https://doi.org/10.1007/3-540-49430-8_3",
)
RAZIN = Work(
    "Razin et al. 2024",
    "Unintentional Unalignment: Likelihood Displacement in Direct Preference Optimization",
    f"{ARXIV}2410.08847",
)
SCHULMAN_KL = Work(
    "Schulman 2020", "Approximating KL Divergence", "http://joschu.net/blog/kl-approx.html"
)
SCHULMAN_LORA = Work(
    "Schulman et al. 2025", "LoRA Without Regret", "https://thinkingmachines.ai/blog/lora/"
)
SCHULMAN_PPO = Work(
    "Schulman et al. 2017", "Proximal Policy Optimization Algorithms", f"{ARXIV}1707.06347"
)
SINGHAL = Work(
    "Singhal et al. 2023",
    "A Long Way to Go: Investigating Length Correlations in RLHF",
    f"{ARXIV}2310.03716",
)
SPINNING_UP = Work(
    "Achiam 2018",
    "Spinning Up in Deep RL, ppo.py",
    "https://github.com/openai/spinningup/blob/master/spinup/algos/pytorch/ppo/ppo.py",
)
STIENNON = Work(
    "Stiennon et al. 2020", "Learning to summarize from human feedback", f"{ARXIV}2009.01325"
)
YU = Work(
    "Yu et al. 2025",
    "DAPO: An Open-Source LLM Reinforcement Learning System at Scale",
    f"{ARXIV}2503.14476",
)
ZIEGLER = Work(
    "Ziegler et al. 2019",
    "Fine-Tuning Language Models from Human Preferences",
    f"{ARXIV}1909.08593",
)
