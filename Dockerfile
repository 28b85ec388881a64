FROM node:22-slim AS npm
WORKDIR /npm
COPY package.json package-lock.json .npmrc ./
RUN npm ci

FROM python:3.12-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 STATIC_ROOT=/app/static MEDIA_ROOT=/files
WORKDIR /app
COPY requirements/run.txt requirements/
RUN pip install --no-cache-dir --require-hashes --requirement requirements/run.txt
COPY --from=npm /npm/node_modules node_modules
COPY . .
# The settings want values; neither step uses one, and none stays in the image.
RUN export SECRET_KEY=build FIELD_KEYS=k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
        INDEX_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
        DATABASE_URL=postgresql:///none REDIS_URL=redis://127.0.0.1:1/0 \
    && python manage.py catalogues compile \
    # What no page uses: themes of Tabler with pictures that its package lacks, and ECharts' other builds.
    && python manage.py collectstatic --no-input --ignore 'tabler-*' \
        --ignore 'echarts.[cs]*' --ignore 'echarts.esm*' --ignore 'echarts.js*' \
    && useradd --system --home-dir /app jiesu \
    && install --directory --owner jiesu --mode 0700 /files
USER jiesu
EXPOSE 8000
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--threads", "4", "--worker-tmp-dir", "/dev/shm", "--no-control-socket"]
